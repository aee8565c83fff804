import type { Context } from 'koa';
import { cookieNames } from '../../oidc/options/cookies.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';

/** A page that was left open in the morning still knows in the evening where it led. */
const RETURN_LINK_MAX_AGE_MS = 12 * 60 * 60_000;

/**
 * Which app a step leads to, for the time when the step itself is gone. It belongs to the address of the step, so that each tab
 * has its own. Only the name of a registration stands in it; where the page then leads is what that registration says.
 */
export function setReturnLink(ctx: Context, clientId: string, stepPath: string): void {
  // The expired page leads to the account anyway.
  if (clientId === ACCOUNT_CLIENT_ID) return;
  ctx.cookies.set(cookieNames(ctx.secure).app, clientId, {
    maxAge: RETURN_LINK_MAX_AGE_MS,
    path: stepPath,
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
  });
}

/** The app that the person was on the way to; `undefined` when this browser never saw the step. */
export function findReturnLink(ctx: Context): string | undefined {
  return ctx.cookies.get(cookieNames(ctx.secure).app, { signed: true });
}
