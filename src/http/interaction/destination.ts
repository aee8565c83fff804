import type { Context } from 'koa';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import type { InteractionState } from './interaction.ts';

/** The pages of the service that sign in with the built-in client, and the text keys of their names. */
const OWN_PAGES = [
  { path: /^\/console(?:[/?]|$)/, name: 'console.title' },
  { path: /^\/binding(?:[/?]|$)/, name: 'binding.statusTitle.draft' },
];

/** Returns the name of the app that an interaction leads to; for the built-in client, the name of the page. */
export function destinationOf(
  { pages }: Pick<HttpDeps, 'pages'>,
  ctx: Context,
  { clientId, params: { state } }: Pick<InteractionState, 'clientId' | 'params'>,
): { name: string } {
  const isOwn = clientId === ACCOUNT_CLIENT_ID && typeof state === 'string';
  const page = isOwn ? OWN_PAGES.find(({ path }) => path.test(state)) : undefined;
  return { name: page === undefined ? pages.appName(ctx, clientId) : pages.t(ctx, page.name) };
}
