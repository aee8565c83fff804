import type { Context } from 'koa';
import { DAY_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { HttpDeps } from '../deps.ts';

/** Browsers store cookies for at most 400 days (RFC 6265bis, section 5.5). */
const COOKIE_MAX_AGE_MS = 400 * DAY_MS;

/** @returns the device token of this browser (known-devices.ts); undefined for a new browser */
export function readDeviceToken(ctx: Context): string | undefined {
  return ctx.cookies.get(cookieNames(ctx.secure).device, { signed: false });
}

/** Marks this browser as a known device of a person who has just entered the password or used a reset link. */
export function rememberDevice({ knownDevices }: Pick<HttpDeps, 'knownDevices'>, ctx: Context, personId: string): void {
  const token = knownDevices.remember(readDeviceToken(ctx), personId);
  ctx.cookies.set(cookieNames(ctx.secure).device, token, { ...UNSIGNED_COOKIE, maxAge: COOKIE_MAX_AGE_MS });
}
