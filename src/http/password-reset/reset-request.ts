import type { Context } from 'koa';
import { z } from 'zod';
import { HOUR_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { HttpDeps } from '../deps.ts';

/** As long as an interaction. */
const MAX_AGE_MS = HOUR_MS;
/** Longer text is no login. */
const MAX_LOGIN_LENGTH = 254;

const shape = z.object({
  /** As typed. */
  login: z.string(),
  /** The interaction of the sign-in page, if any. */
  interaction: z.string().optional(),
  expiresAt: z.number(),
});

/** The reset that this browser requested last. */
export type ResetRequest = Pick<z.infer<typeof shape>, 'login' | 'interaction'>;

/**
 * Stores the request, sealed. A reset link continues a sign-in only in the browser that requested it, and for the login typed there: a link
 * from another person signs no one in.
 */
export function keepResetRequest({ secrets, clock }: HttpDeps, ctx: Context, request: ResetRequest): void {
  if (request.login.length > MAX_LOGIN_LENGTH) return;
  const sealed = JSON.stringify({ ...request, expiresAt: clock.now() + MAX_AGE_MS });
  ctx.cookies.set(cookieNames(ctx.secure).resetRequest, secrets.seal('reset-request', 'cookie', sealed), {
    ...UNSIGNED_COOKIE,
    maxAge: MAX_AGE_MS,
  });
}

export function findResetRequest({ secrets, clock }: HttpDeps, ctx: Context): ResetRequest | undefined {
  const sealed = ctx.cookies.get(cookieNames(ctx.secure).resetRequest);
  const request = sealed === undefined ? undefined : openRequest(secrets, sealed);
  return request !== undefined && request.expiresAt > clock.now() ? request : undefined;
}

export function forgetResetRequest(ctx: Context): void {
  ctx.cookies.set(cookieNames(ctx.secure).resetRequest, null, UNSIGNED_COOKIE);
}

function openRequest(secrets: HttpDeps['secrets'], sealed: string): z.infer<typeof shape> | undefined {
  try {
    return shape.parse(JSON.parse(secrets.open('reset-request', 'cookie', sealed)));
  } catch {
    return undefined;
  }
}

/** Stores the login typed on a sign-in page, sealed, for the request form of the same interaction. */
export function keepTypedLogin({ secrets }: Pick<HttpDeps, 'secrets'>, ctx: Context, uid: string, login: string): void {
  if (login.trim() === '' || login.length > MAX_LOGIN_LENGTH) return;
  ctx.cookies.set(cookieNames(ctx.secure).typedLogin, secrets.seal('reset-request', uid, login), {
    ...UNSIGNED_COOKIE,
    path: `/interaction/${uid}`,
    maxAge: MAX_AGE_MS,
  });
}

/** @returns the empty string if nothing was typed */
export function findTypedLogin({ secrets }: Pick<HttpDeps, 'secrets'>, ctx: Context, uid: string): string {
  const sealed = ctx.cookies.get(cookieNames(ctx.secure).typedLogin);
  if (sealed === undefined) return '';
  try {
    return secrets.open('reset-request', uid, sealed);
  } catch {
    return '';
  }
}
