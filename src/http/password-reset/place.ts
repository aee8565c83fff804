import type { Context } from 'koa';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import { destinationOf } from '../interaction/destination.ts';
import type { InteractionState } from '../interaction/interaction.ts';

/** The addresses of the reset pages: on their own, or in the interaction of a sign-in, to which they lead back. */
export interface ResetPlace {
  requestPath: string;
  resetPath: string;
  signInUrl: string;
  interaction?: InteractionState;
}

export const REQUEST_PATH = '/forgot-password';
export const RESET_PATH = '/reset-password';

export const OWN_PLACE: ResetPlace = { requestPath: REQUEST_PATH, resetPath: RESET_PATH, signInUrl: '/account' };

/** @returns the pages below the path of the interaction: only there the browser sends its cookie */
export function placeIn(interaction: InteractionState): ResetPlace {
  const signInUrl = `/interaction/${interaction.uid}`;
  return { requestPath: signInUrl + REQUEST_PATH, resetPath: signInUrl + RESET_PATH, signInUrl, interaction };
}

/** Returns the place of a link that was opened in another browser. The link names the app (password-reset.ts). */
export function ownPlaceFor({ clients }: Pick<HttpDeps, 'clients'>, clientId: unknown): ResetPlace {
  const isKnown = typeof clientId === 'string' && clients.launchUrl(clientId) !== undefined;
  return isKnown
    ? { ...OWN_PLACE, resetPath: `${RESET_PATH}?${new URLSearchParams({ app: clientId }).toString()}` }
    : OWN_PLACE;
}

/** Returns the client id of an app; undefined for the pages of the service. */
export function appOf({ interaction }: ResetPlace): string | undefined {
  return interaction === undefined || interaction.clientId === ACCOUNT_CLIENT_ID ? undefined : interaction.clientId;
}

/** Returns the app or page that the reset leads to, as the pages name it. */
export function destinationIn(
  deps: Pick<HttpDeps, 'pages'>,
  ctx: Context,
  { interaction }: ResetPlace,
): { name: string } | undefined {
  return interaction && destinationOf(deps, ctx, interaction);
}
