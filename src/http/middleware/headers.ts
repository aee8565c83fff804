import helmet from 'koa-helmet';
import type { Middleware } from 'koa';

/**
 * The same strict headers on every answer. There is no `form-action`: Chromium applies it to the whole chain of redirects
 * after a form, and that chain ends at the relying party.
 */
export function securityHeaders(issuer: string): Middleware {
  const secure = issuer.startsWith('https:');
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Not no-referrer: browsers would then send "Origin: null" with our own forms, and the origin check needs it.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: secure ? { maxAge: 63_072_000, includeSubDomains: false } : false,
    frameguard: { action: 'deny' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: false,
  });
}
