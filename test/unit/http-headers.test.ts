/** Security headers and the origin of a request, on a bare Koa app. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Koa, { type Middleware } from 'koa';

import { pinOrigin } from '../../src/http/middleware/issuer-origin.ts';
import { securityHeaders } from '../../src/http/middleware/security-headers.ts';
import { serveApp, serveMiddlewares as serve } from '../helpers/koa-server.ts';

const ISSUER = 'https://id.city.test';

const done: Middleware = (ctx) => {
  ctx.body = 'done';
};

describe('security headers', () => {
  it('forbid all sources that the pages do not need', async () => {
    const { headers } = await (await serve(securityHeaders(ISSUER), done))('/');
    const policy = (headers.get('content-security-policy') ?? '').split(';').map((part) => part.trim());
    assert.deepEqual(policy.sort(), [
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "font-src 'self'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    assert.equal(headers.get('strict-transport-security'), 'max-age=63072000');
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.equal(headers.get('referrer-policy'), 'same-origin');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(headers.get('cross-origin-embedder-policy'), null);
  });

  it('disable every browser feature that no page uses', async () => {
    const { headers } = await (await serve(securityHeaders(ISSUER), done))('/');
    const unused =
      'accelerometer autoplay camera clipboard-read display-capture encrypted-media fullscreen gamepad geolocation gyroscope ' +
      'hid identity-credentials-get idle-detection local-fonts magnetometer microphone midi otp-credentials payment ' +
      'picture-in-picture screen-wake-lock serial storage-access usb window-management xr-spatial-tracking';
    assert.deepEqual(headers.get('permissions-policy')?.split(', '), [
      ...unused.split(' ').map((feature) => `${feature}=()`),
      'publickey-credentials-create=(self)',
      'publickey-credentials-get=(self)',
    ]);
  });

  it('omit HSTS without HTTPS', async () => {
    const { headers } = await (await serve(securityHeaders('http://localhost:3000'), done))('/');
    assert.equal(headers.get('strict-transport-security'), null);
    assert.equal(headers.get('x-frame-options'), 'DENY');
  });
});

describe('the origin of a request', () => {
  const describeOrigin = async (issuer: string): Promise<string> => {
    const app = new Koa();
    pinOrigin(app, issuer, []);
    app.use((ctx) => {
      const { protocol, secure, host, hostname, origin, href } = ctx;
      ctx.body = JSON.stringify({ protocol, secure, host, hostname, origin, href });
    });
    const send = await serveApp(app);
    return (await send('/a?b=1', { headers: { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'http' } })).text();
  };

  it('is the issuer with any headers', async () => {
    assert.deepEqual(JSON.parse(await describeOrigin('https://id.city.test:8443')), {
      protocol: 'https',
      secure: true,
      host: 'id.city.test:8443',
      hostname: 'id.city.test',
      origin: 'https://id.city.test:8443',
      href: 'https://id.city.test:8443/a?b=1',
    });
    assert.deepEqual(JSON.parse(await describeOrigin('http://localhost:3000')), {
      protocol: 'http',
      secure: false,
      host: 'localhost:3000',
      hostname: 'localhost',
      origin: 'http://localhost:3000',
      href: 'http://localhost:3000/a?b=1',
    });
  });
});
