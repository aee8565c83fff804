import type { Context, Middleware } from 'koa';

/** The safe methods of RFC 9110, section 9.2.1, that routes support. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Rejects forms from other sites, including login CSRF. Browsers send the origin of each POST in Sec-Fetch-Site or Origin (OWASP CSRF
 * Prevention Cheat Sheet). A request without both is not a form of a browser and is rejected too.
 */
export function csrf(issuer: string, reject: (ctx: Context) => void): Middleware {
  const { origin } = new URL(issuer);
  return async (ctx, next) => {
    if (SAFE_METHODS.has(ctx.method) || isSameOrigin(ctx, origin)) {
      await next();
      return;
    }
    reject(ctx);
  };
}

function isSameOrigin(ctx: Context, origin: string): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '') return site === 'same-origin';
  return ctx.get('origin') === origin;
}
