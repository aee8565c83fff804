import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { send } from '../helpers/raw-http.ts';
import { startService, type TestService } from '../helpers/service.ts';

/** Return paths that a browser could resolve to another site, percent-encoded. */
const OTHER_SITES = [
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '\\/evil.example',
  '///evil.example',
  '/%2F/evil.example'.replace('%2F', '/'),
  'https://evil.example',
  'https:evil.example',
  'HTTPS://evil.example/account',
  'javascript:alert(1)',
  'data:text/html,x',
  'evil.example',
  ' //evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\nLocation: https://evil.example',
  '\u0000//evil.example',
  '/account\\..\\..//evil.example',
  '@evil.example',
  '.evil.example',
  '',
];

describe('a return path to another site', () => {
  let service: TestService;
  before(async () => {
    service = await startService({ clients: [] });
  });
  after(() => service.stop());

  const isHome = async (target: string): Promise<void> => {
    const { status, headers } = await send(service.issuer, target);
    assert.equal(status, 303, target);
    const location = new URL(headers.location ?? '', service.issuer);
    assert.equal(location.origin, service.issuer, `${target} leads to ${String(headers.location)}`);
    assert.ok(!location.pathname.startsWith('//'), target);
    assert.equal(headers['x-evil'], undefined);
  };

  it('is refused by /language', async () => {
    for (const back of OTHER_SITES) {
      await isHome(`/language?to=en&back=${encodeURIComponent(back)}`);
      const { headers } = await send(service.issuer, `/language?to=en&back=${encodeURIComponent(back)}`);
      assert.equal(headers.location, '/account', back);
    }
    await isHome('/language?to=en&back=%2F%2Fevil.example&back=%2Faccount');
    await isHome('/language?back[]=//evil.example');
  });

  it('is refused by /account/callback, which allows account pages only', async () => {
    const others = ['/language?to=en&back=//evil.example', '/auth?client_id=x', '/', '/x/account', '/x?/console'];
    const nearby = ['/accounts', '/account.evil.example', '/consoles/people', '/account/\\x', '/console/ x'];
    for (const state of [...OTHER_SITES, ...others, ...nearby]) {
      const { status, headers } = await send(service.issuer, `/account/callback?state=${encodeURIComponent(state)}`);
      assert.equal(status, 303, state);
      assert.equal(headers.location, '/account', state);
    }
  });

  it('is followed when it is a path of the service', async () => {
    for (const back of [
      '/account',
      '/account/password',
      '/interaction/abc?x=1&y=%E4%B8%AD',
      '/reset-password?token=x_-',
    ]) {
      const { headers } = await send(service.issuer, `/language?to=en&back=${encodeURIComponent(back)}`);
      assert.equal(headers.location, back);
    }
    for (const state of ['/account', '/account?x=1', '/account/password', '/console', '/console/search?q=x']) {
      const { headers } = await send(service.issuer, `/account/callback?state=${encodeURIComponent(state)}`);
      assert.equal(headers.location, state);
    }
  });

  it('is refused by /language also for an unknown language', async () => {
    for (const to of ['xx', '../../etc/passwd', 'en; domain=evil.example', '<script>', 'en&to=zh-TW']) {
      const { headers } = await send(service.issuer, `/language?to=${encodeURIComponent(to)}`);
      assert.equal(headers['set-cookie'], undefined, to);
    }
  });
});
