import type { Context } from 'koa';
import { z } from 'zod';
import { MAX_LOGIN_LENGTH } from '../../domain/credentials/identifiers.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { INTERACTION_MAX_AGE_MS } from '../../oidc/options/ttl.ts';
import type { HttpDeps } from '../deps.ts';
import { openValue, sealValue } from '../sealed-value.ts';

const shape = z.object({
  /** As typed. */
  login: z.string(),
  /** The interaction of the sign-in page, if any. */
  interaction: z.string().optional(),
  expiresAt: z.number(),
});

const REQUEST = { purpose: 'reset-request', row: 'cookie' } as const;

/** The reset that this browser requested last. */
export type ResetRequest = Pick<z.infer<typeof shape>, 'login' | 'interaction'>;

/**
 * Stores the request, sealed. A reset link continues a sign-in only in the browser that requested it, and for the login typed there: a link
 * from another person signs no one in.
 */
export function keepResetRequest({ secrets, clock }: HttpDeps, ctx: Context, request: ResetRequest): void {
  if (request.login.length > MAX_LOGIN_LENGTH) return;
  const sealed = sealValue(secrets, REQUEST, { ...request, expiresAt: clock.now() + INTERACTION_MAX_AGE_MS });
  ctx.cookies.set(cookieNames(ctx.secure).resetRequest, sealed, { ...UNSIGNED_COOKIE, maxAge: INTERACTION_MAX_AGE_MS });
}

export function findResetRequest({ secrets, clock }: HttpDeps, ctx: Context): ResetRequest | undefined {
  const request = openValue(secrets, REQUEST, shape, ctx.cookies.get(cookieNames(ctx.secure).resetRequest));
  return request !== undefined && request.expiresAt > clock.now() ? request : undefined;
}

export function forgetResetRequest(ctx: Context): void {
  ctx.cookies.set(cookieNames(ctx.secure).resetRequest, null, UNSIGNED_COOKIE);
}

/** Stores the login typed on a sign-in page, sealed, for the request form of the same interaction. */
export function keepTypedLogin({ secrets }: Pick<HttpDeps, 'secrets'>, ctx: Context, uid: string, login: string): void {
  if (login.trim() === '' || login.length > MAX_LOGIN_LENGTH) return;
  ctx.cookies.set(
    cookieNames(ctx.secure).typedLogin,
    sealValue(secrets, { purpose: 'reset-request', row: uid }, login),
    {
      ...UNSIGNED_COOKIE,
      path: `/interaction/${uid}`,
      maxAge: INTERACTION_MAX_AGE_MS,
    },
  );
}

/** @returns the empty string if nothing was typed */
export function findTypedLogin({ secrets }: Pick<HttpDeps, 'secrets'>, ctx: Context, uid: string): string {
  const sealed = ctx.cookies.get(cookieNames(ctx.secure).typedLogin);
  return openValue(secrets, { purpose: 'reset-request', row: uid }, z.string(), sealed) ?? '';
}
