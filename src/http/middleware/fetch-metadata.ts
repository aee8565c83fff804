import type { Context, Middleware } from 'koa';
import { normalizePath, ROUTES } from '../../oidc/routes.ts';

/** `Sec-Fetch-Dest` of navigations (W3C Fetch Metadata Request Headers, 2.1). Relying parties on the same site renew silently in an iframe. */
const NAVIGATION_DESTINATIONS = new Set(['document', 'iframe', 'frame']);

/** The authorization endpoint and the device pages, each with its resume address, and the staff console. */
const NAVIGATION_PATHS = [ROUTES.authorization, ROUTES.codeVerification, '/console'];

/**
 * Rejects images, scripts, `fetch()` and other subresources before a request is counted or stored. A page on a host of the same site can
 * load them with the cookies of the person (`SameSite=Lax` allows it) and without a click. Clients that send no such header are no
 * browser of today.
 */
export function rejectSubresources(reject: (ctx: Context) => void): Middleware {
  return async (ctx, next) => {
    const destination = ctx.get('sec-fetch-dest');
    if (destination === '' || NAVIGATION_DESTINATIONS.has(destination) || !isNavigationPath(ctx.path)) await next();
    else reject(ctx);
  };
}

function isNavigationPath(path: string): boolean {
  const normalized = normalizePath(path);
  return NAVIGATION_PATHS.some((one) => normalized === one || normalized.startsWith(`${one}/`));
}
