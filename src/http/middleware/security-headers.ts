import helmet from 'koa-helmet';
import type { Middleware } from 'koa';

/**
 * Browser features that no page uses, so an injected script gets none of them. The list names features that Chromium knows: it warns
 * about others on the console. Passkeys stay allowed for the service itself.
 */
const PERMISSIONS_POLICY = [
  ...['accelerometer', 'autoplay', 'camera', 'clipboard-read', 'display-capture', 'encrypted-media', 'fullscreen'],
  ...['gamepad', 'geolocation', 'gyroscope', 'hid', 'identity-credentials-get', 'idle-detection', 'local-fonts'],
  ...['magnetometer', 'microphone', 'midi', 'otp-credentials', 'payment', 'picture-in-picture', 'screen-wake-lock'],
  ...['serial', 'storage-access', 'usb', 'window-management', 'xr-spatial-tracking'],
]
  .map((feature) => `${feature}=()`)
  .concat('publickey-credentials-create=(self)', 'publickey-credentials-get=(self)')
  .join(', ');

/**
 * Sets the same strict headers on every response. There is no `form-action`: Chromium applies it to the redirects after a form too, and
 * they end at the relying party.
 */
export function securityHeaders(issuer: string): Middleware {
  const isHttps = issuer.startsWith('https:');
  const strict = helmet({
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
    // Not no-referrer: browsers would send "Origin: null" with our own forms, and the CSRF check needs the origin.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: isHttps ? { maxAge: 63_072_000, includeSubDomains: false } : false,
    frameguard: { action: 'deny' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: false,
  });
  return async (ctx, next) => {
    ctx.set('permissions-policy', PERMISSIONS_POLICY);
    await strict(ctx, next);
  };
}
