import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { MAX_BODY_BYTES } from '../../oidc/request-limits.ts';
import { normalizePath, ROUTES } from '../../oidc/routes.ts';
import type { RequestRateLimiter } from '../../services/access/request-rate-limiter.ts';

/** The endpoints where programs, also without authentication, store a request. */
const STORING_PATHS = new Set<string>([ROUTES.pushedAuthorizationRequest, ROUTES.deviceAuthorization]);

/** Answers 413 before a large body is read. One without `Content-Length` is read up to the limit of the provider, 56 KiB. */
export function limitBody(): Middleware {
  return async (ctx, next) => {
    if (STORING_PATHS.has(normalizePath(ctx.path)) && ctx.request.length > MAX_BODY_BYTES) {
      const description = `the body must be at most ${String(MAX_BODY_BYTES)} bytes`;
      ctx.status = 413;
      ctx.body = { error: 'invalid_request', error_description: description };
    } else await next();
  };
}

/** The pages of the device flow keep the secret of their form in a session, also before a sign-in. */
const DEVICE_PAGES = new RegExp(`^${ROUTES.codeVerification}(?:/[^/]+)?$`);

/**
 * Counts the requests that store a session before anybody has signed in, by network. A stored session is only changed, so people who are
 * signed in are never rejected.
 */
export function limitAnonymousSessions(provider: Provider, rates: RequestRateLimiter): Middleware {
  return async (ctx, next) => {
    if (DEVICE_PAGES.test(normalizePath(ctx.path)) && !(await hasStoredSession(provider, ctx)))
      rates.admitNetwork('session', ctx.ip);
    await next();
  };
}

/** Only a session that was read from the store has an end. */
async function hasStoredSession(provider: Provider, ctx: Context): Promise<boolean> {
  return Number.isFinite((await provider.Session.get(ctx)).exp);
}
