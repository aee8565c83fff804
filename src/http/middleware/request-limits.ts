import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { MAX_BODY_BYTES } from '../../oidc/request-limits.ts';
import { normalizePath, ROUTES } from '../../oidc/routes.ts';
import type { RequestRateLimiter } from '../../services/access/request-rate-limiter.ts';
import { setRefusal } from './refusal.ts';

/** The endpoints where API clients store a request, also without authentication. */
const STORING_PATHS = new Set<string>([ROUTES.pushedAuthorizationRequest, ROUTES.deviceAuthorization]);

/** Rejects a large body with 413 before it is read. A body without `Content-Length` is read up to the provider's limit of 56 KiB. */
export function limitBody(): Middleware {
  return async (ctx, next) => {
    if (STORING_PATHS.has(normalizePath(ctx.path)) && ctx.request.length > MAX_BODY_BYTES) {
      const description = `the body must be at most ${String(MAX_BODY_BYTES)} bytes`;
      const refusal = { error: 'invalid_request', error_description: description };
      setRefusal(ctx, refusal);
      ctx.status = 413;
      ctx.body = refusal;
    } else await next();
  };
}

/** The pages of the device flow store the secret of their form in a session, also before a sign-in. */
const DEVICE_PAGES = new RegExp(`^${ROUTES.codeVerification}(?:/[^/]+)?$`);

/**
 * Limits, by network, the requests that store a session before a sign-in. Requests with a stored session are not counted, so signed-in
 * people are never rejected.
 */
export function limitAnonymousSessions(provider: Provider, rates: RequestRateLimiter): Middleware {
  return async (ctx, next) => {
    if (DEVICE_PAGES.test(normalizePath(ctx.path)) && !(await hasStoredSession(provider, ctx)))
      rates.admitNetwork('session', ctx.ip);
    await next();
  };
}

/** Only a session that was read from the database has an expiry time. */
async function hasStoredSession(provider: Provider, ctx: Context): Promise<boolean> {
  return Number.isFinite((await provider.Session.get(ctx)).exp);
}
