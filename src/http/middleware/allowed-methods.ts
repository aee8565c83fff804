import type { Context, Middleware } from 'koa';
import { API_METHODS, normalizePath, ROUTES } from '../../oidc/routes.ts';
import { setRefusal } from './refusal.ts';

/** The methods of the pages of the provider. The routers of other pages define theirs. */
const PAGE_METHODS: Readonly<Record<string, readonly string[]>> = {
  [ROUTES.authorization]: ['GET', 'HEAD', 'POST'],
  [ROUTES.codeVerification]: ['GET', 'HEAD', 'POST'],
};

/**
 * Rejects other methods at the endpoints of the provider with 405 and `Allow` (RFC 9110, section 15.5.6): with JSON at API endpoints, with
 * the error page elsewhere. The provider itself returns 404.
 */
export function allowedMethods(): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    const ofApi = API_METHODS[path];
    const allowed = ofApi ?? PAGE_METHODS[path];
    if (allowed === undefined || allowed.includes(ctx.method)) await next();
    else if (ofApi === undefined) {
      ctx.set('allow', allowed.join(', '));
      ctx.status = 405;
    } else rejectMethod(ctx, allowed);
  };
}

function rejectMethod(ctx: Context, allowed: readonly string[]): void {
  ctx.set('allow', [...allowed, 'OPTIONS'].join(', '));
  if (ctx.method === 'OPTIONS') {
    ctx.status = 204;
    return;
  }
  const use = allowed.filter((method) => method !== 'HEAD').join(' or ');
  const refusal = { error: 'invalid_request', error_description: `method not allowed at this endpoint; use ${use}` };
  setRefusal(ctx, refusal);
  ctx.status = 405;
  ctx.body = refusal;
}
