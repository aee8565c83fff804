import type { Context, Middleware } from 'koa';

/** RFC 9110 9.2.1, as far as routes answer them. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses forms that another site sends (login CSRF included). Browsers mark every POST with where it comes from: the fetch
 * metadata, or the Origin header (OWASP CSRF Prevention Cheat Sheet). What carries neither is not a browser's form.
 */
export function csrf(issuer: string, refuse: (ctx: Context) => void): Middleware {
  const { origin } = new URL(issuer);
  return async (ctx, next) => {
    if (SAFE_METHODS.has(ctx.method) || isSameOrigin(ctx, origin)) {
      await next();
      return;
    }
    refuse(ctx);
  };
}

function isSameOrigin(ctx: Context, origin: string): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '') return site === 'same-origin';
  return ctx.get('origin') === origin;
}
