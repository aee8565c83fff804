import type { Context } from 'koa';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import type { InteractionState } from './interaction.ts';

/** The pages of the service that sign in with the built-in client, and the text keys of their names. */
const OWN_PAGES = [
  { path: /^\/console(?:[/?#]|$)/, name: 'console.title' },
  { path: /^\/binding(?:[/?#]|$)/, name: 'binding.statusTitle.draft' },
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

/** The actions of the own pages that ask for the password again, and the text keys of what follows. */
const OWN_ACTIONS = [
  { path: /^\/console(?:[/?#]|$)/, purpose: 'console' },
  { path: /^\/account\/(?:contacts|email)(?:[/?#]|$)/, purpose: 'contacts' },
  { path: /^\/account\/second-factors(?:[/?#]|$)/, purpose: 'secondFactors' },
  { path: /^\/account\/application-passwords(?:[/?#]|$)/, purpose: 'applicationPasswords' },
  { path: /^\/account\/data(?:[/?#]|$)/, purpose: 'data' },
  { path: /^\/account\/(?:children|guardians)(?:[/?#]|$)/, purpose: 'guardianship' },
];

/** Returns what the person confirms with the password: an action of the account, or the purpose of the app as its permissions tell it. */
export function purposeOf(
  deps: Pick<HttpDeps, 'pages' | 'clients'>,
  ctx: Context,
  { clientId, params: { state } }: Pick<InteractionState, 'clientId' | 'params'>,
): string {
  const { pages, clients } = deps;
  const t = (purpose: string): string =>
    pages.t(ctx, `signIn.purpose.${purpose}`, { app: pages.appName(ctx, clientId) });
  if (clientId === ACCOUNT_CLIENT_ID) {
    const returnPath = typeof state === 'string' ? state : '';
    return t(OWN_ACTIONS.find(({ path }) => path.test(returnPath))?.purpose ?? 'account');
  }
  const permissions = clients.find(clientId)?.permissions ?? [];
  if (permissions.includes('fees:pay')) return t('payment');
  return t(permissions.includes('portfolio:read') ? 'portfolio' : 'app');
}
