import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { LINK_MINUTES, type OpenLink } from '../../services/authentication/password-reset.ts';
import type { HttpDeps } from '../deps.ts';
import { RESET_PATH, type ResetPlace } from './place.ts';
import { findResetRequest } from './reset-request.ts';

const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** A valid link that this browser opened. */
export interface Link extends OpenLink {
  token: string;
  /** The login typed in this browser to request the link; undefined if it did not request one for this person. */
  requestedLogin: string | undefined;
}

async function findLinkOf(deps: HttpDeps, ctx: Context, token: string | undefined): Promise<Link | undefined> {
  const { passwordReset } = deps;
  const open = token === undefined ? undefined : await passwordReset.find(token);
  if (open === undefined || token === undefined) return undefined;
  const login = findResetRequest(deps, ctx)?.login;
  const isOfPerson = login !== undefined && (await passwordReset.isLoginOf(open.personId, login));
  return { ...open, token, requestedLogin: isOfPerson ? login : undefined };
}

/** Finds the link that this browser opened, if it is still valid. */
export function findLink(deps: HttpDeps, ctx: Context): Promise<Link | undefined> {
  return findLinkOf(deps, ctx, tokenOf(ctx));
}

/**
 * Moves the token of a reset link from the URL into a cookie. A URL gets into the history, the `Referer` header and the logs of
 * proxies. The link itself stays unused. Any page can send the browser here, so an invalid link does not replace a valid one.
 */
export async function exchangeToken(deps: HttpDeps, ctx: Context, place: ResetPlace): Promise<void> {
  const token = tokenShape.safeParse(ctx.query['token']).data;
  const link = await findLinkOf(deps, ctx, token);
  if (link !== undefined) keepToken(ctx, link.token, link.expiresAt);
  else if (token !== undefined && (await isOlderLink(deps, ctx, token))) {
    // The next page says that a newer link was sent.
    keepToken(ctx, token, deps.clock.now() + LINK_MINUTES * MINUTE_MS);
  }
  const uid = link?.requestedLogin === undefined ? undefined : findResetRequest(deps, ctx)?.interaction;
  ctx.set('cache-control', 'no-store');
  ctx.status = 303;
  ctx.redirect(uid === undefined ? place.resetPath : `/interaction/${encodeURIComponent(uid)}${RESET_PATH}`);
}

async function isOlderLink(deps: HttpDeps, ctx: Context, token: string): Promise<boolean> {
  if (!(await deps.passwordReset.isReplaced(hashId(token)))) return false;
  return (await findLink(deps, ctx)) === undefined;
}

/** Stores the token until the link expires. */
function keepToken(ctx: Context, token: string, expiresAt: number): void {
  ctx.cookies.set(cookieNames(ctx.secure).reset, token, { ...UNSIGNED_COOKIE, expires: new Date(expiresAt) });
}

export function forgetToken(ctx: Context): void {
  ctx.cookies.set(cookieNames(ctx.secure).reset, null, UNSIGNED_COOKIE);
}

export function tokenOf(ctx: Context): string | undefined {
  return tokenShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).reset)).data;
}
