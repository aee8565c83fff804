import type { Middleware } from 'koa';
import { z } from 'zod';
import { normalizePath, ROUTES } from './routes.ts';

/** The endpoints that authenticate the client. */
const AUTHENTICATED_PATHS: ReadonlySet<string> = new Set([
  ROUTES.deviceAuthorization,
  ROUTES.introspection,
  ROUTES.pushedAuthorizationRequest,
  ROUTES.revocation,
  ROUTES.token,
]);

/** The errors that the provider reports as `invalid_request`, although the client is not authenticated (RFC 6749, section 5.2). */
const AUTHENTICATION_ERRORS = [
  'no client authentication mechanism provided',
  'invalid authorization header value format',
  'client_secret must be provided in the Authorization header',
  'client_id and client_secret in the authorization header are not properly encoded',
] as const;

const authenticationError = z.object({
  error: z.literal('invalid_request'),
  error_description: z.enum(AUTHENTICATION_ERRORS),
});

/**
 * Answers a request without valid client authentication with 401 `invalid_client` (RFC 6749, section 5.2) and with `WWW-Authenticate`, which
 * each 401 needs (RFC 9110, section 15.5.2). The provider sets it only for a request with an `Authorization` header.
 */
export function correctClientAuthErrors(issuer: string): Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.status < 400 || !AUTHENTICATED_PATHS.has(normalizePath(ctx.path))) return;
    const failed = authenticationError.safeParse(ctx.body);
    if (failed.success) {
      ctx.status = 401;
      ctx.body = { ...failed.data, error: 'invalid_client' };
    }
    if (ctx.status === 401 && !ctx.res.hasHeader('www-authenticate')) {
      ctx.set('www-authenticate', `Basic realm="${issuer}", error="invalid_client"`);
    }
  };
}
