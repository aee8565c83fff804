import type { Context } from 'koa';
import { HOUR_MS } from '../../domain/duration.ts';
import { cookieNames } from '../../oidc/options/cookies.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';

/** A page that was opened in the morning links to its app in the evening. */
const RETURN_LINK_MAX_AGE_MS = 12 * HOUR_MS;

/**
 * Stores the app of an interaction, so the page of an expired interaction can link to it. The cookie has the path of the interaction, so
 * each tab has its own. It contains the client id only; the URL comes from the client registration.
 */
export function setReturnLink(ctx: Context, clientId: string, interactionPath: string): void {
  // The page always links to the account.
  if (clientId === ACCOUNT_CLIENT_ID) return;
  ctx.cookies.set(cookieNames(ctx.secure).app, clientId, {
    maxAge: RETURN_LINK_MAX_AGE_MS,
    path: interactionPath,
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
  });
}

/** @returns the app of an expired interaction; undefined if this browser never opened it */
export function findReturnLink(ctx: Context): string | undefined {
  return ctx.cookies.get(cookieNames(ctx.secure).app, { signed: true });
}
