import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { ADDRESS_POLICY } from '../../src/domain/throttling/throttle.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createHttpBrowser, formOf } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { cookieShape, formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { startService, type TestService } from '../helpers/service.ts';

const EVIL = 'evil.example';
const LIES: Record<string, Record<string, string>> = {
  host: { host: EVIL },
  'host with a port': { host: `${EVIL}:8443` },
  'x-forwarded-host': { 'x-forwarded-host': EVIL },
  'x-forwarded-proto': { 'x-forwarded-proto': 'https' },
  'x-forwarded-port': { 'x-forwarded-port': '8443' },
  'x-forwarded-for': { 'x-forwarded-for': EVIL },
  'x-forwarded-prefix': { 'x-forwarded-prefix': '/evil' },
  forwarded: { forwarded: `for=192.0.2.1;host=${EVIL};proto=https` },
  'x-original-url': { 'x-original-url': '/evil', 'x-rewrite-url': '/evil' },
  all: {
    host: EVIL,
    'x-forwarded-host': EVIL,
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '8443',
    'x-forwarded-for': '192.0.2.1',
    forwarded: `for=192.0.2.1;host=${EVIL};proto=https`,
  },
};

const discovery = z.looseObject({ issuer: z.string() });

/** The parts of a response that depend on the origin, without random values. */
const shapeOf = ({ status, headers }: RawResponse): unknown => ({
  status,
  location: (headers.location ?? '').replace(/[\w-]{43}/g, 'RANDOM'),
  cookies: (headers['set-cookie'] ?? []).map((cookie) => cookieShape(cookie).replace(/[\w-]{43}/g, 'RANDOM')),
  hsts: headers['strict-transport-security'],
});

for (const [trust, proxies] of [
  ['no proxy', ''],
  ['the proxy in front', '127.0.0.1, ::1'],
] as const) {
  describe(`the origin of the service, trusting ${trust}`, () => {
    let service: TestService;
    let mail: MailCatcher;
    const kept = createCapturedLog();
    before(async () => {
      mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
      const env: Record<string, string> = proxies === '' ? {} : { KINPASS_TRUSTED_PROXIES: proxies };
      service = await startService({ clients: [], smtpUrl: mail.smtpUrl, env, log: kept.log });
    });
    after(async () => {
      await service.stop();
      await mail.close();
    });

    it('is the issuer in discovery, redirects and cookies with any headers', async () => {
      const { issuer } = service;
      const authorization = (await send(issuer, '/account')).headers.location ?? '';
      assert.ok(authorization.startsWith('/auth?'));
      const targets = [
        '/.well-known/openid-configuration',
        '/',
        '/account',
        authorization,
        '/language?to=en',
        '/session/end',
      ];
      for (const target of targets) {
        const honest = await send(issuer, target);
        for (const [name, headers] of Object.entries(LIES)) {
          const answer = await send(issuer, target, { headers });
          assert.deepEqual(shapeOf(answer), shapeOf(honest), `${name} at ${target}`);
          // The request id is random and may contain any four digits.
          const { 'x-request-id': id, ...others } = answer.headers;
          assert.match(String(id), /^[\da-f-]{36}$/);
          const everything = JSON.stringify(others) + answer.body;
          assert.ok(!everything.includes('evil') && !everything.includes('8443'), `${name} at ${target}`);
        }
      }
      for (const headers of Object.values(LIES)) {
        const { body } = await send(issuer, '/.well-known/openid-configuration', { headers });
        const urls = Object.values(discovery.parse(JSON.parse(body))).filter(
          (value): value is string => typeof value === 'string' && value.includes('://'),
        );
        assert.ok(urls.length >= 6);
        assert.deepEqual(new Set(urls.map((url) => new URL(url).origin)), new Set([issuer]));
      }
    });

    it('is the issuer in links of mails', async () => {
      const headers = { ...formHeaders(service.issuer), ...LIES['all'] };
      const body = new URLSearchParams({ login: LOGIN.G2 }).toString();
      assert.equal((await send(service.issuer, '/forgot-password', { method: 'POST', headers, body })).status, 200);
      const { text } = await mailTo(mail, LOGIN.G2, '設定新密碼');
      assert.equal(new URL(linkIn({ text })).origin, service.issuer);
      assert.ok(!text.includes('evil'));
    });

    it('ignores the host of a request target in absolute form (RFC 9112, 3.2.2)', async () => {
      for (const target of ['http://evil.example/account', 'https://evil.example:8443/account', 'ftp://evil/account']) {
        const answer = await send(service.issuer, target, { headers: { host: EVIL } });
        assert.equal(answer.status, 303);
        const location = new URL(answer.headers.location ?? '', service.issuer);
        assert.equal(location.origin, service.issuer);
        assert.equal(location.searchParams.get('redirect_uri'), `${service.issuer}/account/callback`);
        assert.equal(location.searchParams.get('state'), '/account');
      }
      for (const target of ['http://evil.example', 'evil', '//evil.example/account']) {
        const answer = await send(service.issuer, target, { headers: { accept: 'text/html' } });
        assert.ok([302, 400, 404].includes(answer.status), `${target}: ${String(answer.status)}`);
        assert.ok(!(answer.headers.location ?? '').includes('evil'));
      }
    });

    it(`takes X-Request-Id ${proxies === '' ? 'from no client' : 'from the proxy, and only as a short id'}`, async () => {
      const idFor = async (sent: string): Promise<unknown> =>
        (await send(service.issuer, '/health/live', { headers: { 'x-request-id': sent } })).headers['x-request-id'];
      const valid = ['0123456789abcdef0123456789abcdef', 'b6a1c7de-1111-4111-8111-111111111111'];
      for (const id of valid) assert.equal((await idFor(id)) === id, proxies !== '', id);
      const invalid = [
        '',
        'short',
        'a'.repeat(65),
        'someone@parents.example',
        '<script>alert(1)</script>',
        `${'a'.repeat(20)} b`,
      ];
      for (const id of invalid) assert.match(String(await idFor(id)), /^[\da-f]{8}-[\da-f-]{27}$/, id);
    });

    const countOf = async (address: string): Promise<number> => {
      const { store, secrets } = service.container;
      const key = `address:${secrets.mac('throttle', address)}`;
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.throttles));
      return rows.find((row) => row.key === key)?.failures ?? 0;
    };
    const fail = async (forwarded: string, login = 'unknown@parents.example'): Promise<number> => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account');
      const { status } = await httpBrowser.submit(page, { login, password: 'x' }, { 'x-forwarded-for': forwarded });
      return status;
    };

    it(`uses X-Forwarded-For ${proxies === '' ? 'never' : 'of trusted proxies'}`, async () => {
      await fail('203.0.113.7');
      const warning = /"level":"warn".*"problem":"untrusted".*KINPASS_TRUSTED_PROXIES/;
      assert.equal(warning.test(kept.text()), proxies === '');
      await fail('198.51.100.1, 203.0.113.7');
      await fail('203.0.113.7, 127.0.0.1');
      assert.equal(await countOf('203.0.113.7'), proxies === '' ? 0 : 3);
      assert.equal(await countOf('198.51.100.1'), 0);
      const own = (await countOf('127.0.0.1')) + (await countOf('::1')) + (await countOf('::ffff:127.0.0.1'));
      assert.equal(own, proxies === '' ? 3 : 0);
    });

    it('throttles the address of the client only', async () => {
      const { store, secrets } = service.container;
      const full = { failures: ADDRESS_POLICY.capacity, blockedUntil: 0, updatedAt: Date.now() + 60_000 };
      const key = `address:${secrets.mac('throttle', '192.0.2.66')}`;
      await store.write((tx) => upsertThrottle(tx, key, full));
      assert.equal(await fail('192.0.2.66'), proxies === '' ? 422 : 429);
      assert.equal(await fail('192.0.2.67'), 422);
    });

    it(`${proxies === '' ? 'refuses' : 'accepts'} a right password after 305 wrong ones of another network`, async () => {
      const { store, secrets } = service.container;
      const peers = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
      const keys = (proxies === '' ? peers : ['203.0.113.99']).map(
        (address) => `address:${secrets.mac('throttle', address)}`,
      );
      // 300 of the wrong passwords are in the counter already.
      const full = { failures: ADDRESS_POLICY.capacity, blockedUntil: 0, updatedAt: Date.now() + 60_000 };
      await store.write(async (tx) => {
        for (const key of keys) await upsertThrottle(tx, key, full);
      });
      for (let at = 0; at < 5; at += 1) assert.equal(await fail('203.0.113.99', `other.${at}@parents.example`), 429);
      const httpBrowser = createHttpBrowser(service.issuer);
      const from = { 'x-forwarded-for': '198.51.100.77' };
      const page = await httpBrowser.open('/account', from);
      const { status } = await httpBrowser.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD }, from);
      assert.equal(status, proxies === '' ? 429 : 200);
      // The warning came with the first of the wrong passwords.
      assert.equal(kept.text().includes('"problem":"untrusted"'), proxies === '');
    });
  });
}

describe('a service behind an HTTPS proxy', () => {
  let service: TestService;
  const ISSUER = 'https://id.city.test';
  before(async () => {
    service = await startService({
      clients: [],
      env: { KINPASS_ISSUER: ISSUER, KINPASS_TRUSTED_PROXIES: '127.0.0.1' },
    });
  });
  after(() => service.stop());

  it('sends https URLs, HSTS and Secure cookies, and __Host- cookies for session and device', async () => {
    const { body } = await send(service.issuer, '/.well-known/openid-configuration');
    assert.equal(discovery.parse(JSON.parse(body)).issuer, ISSUER);
    const start = await send(service.issuer, '/account');
    assert.match(start.headers['strict-transport-security'] ?? '', /^max-age=\d{8}/);
    const step = await send(service.issuer, start.headers.location ?? '');
    const path = step.headers.location ?? '';
    const stepCookies = step.headers['set-cookie'] ?? [];
    assert.ok(stepCookies.length > 0);
    const cookie = stepCookies.map((one) => one.split(';')[0]).join('; ');
    const page = await send(service.issuer, path, { headers: { cookie } });
    const sent = await send(service.issuer, formOf(page.body).action, {
      method: 'POST',
      headers: formHeaders(ISSUER, cookie),
      body: new URLSearchParams({ login: LOGIN.T1, password: DEMO_PASSWORD }).toString(),
    });
    assert.equal(sent.status, 303);
    const onward = new URL(sent.headers.location ?? '');
    assert.equal(onward.origin, ISSUER);
    const resumed = await send(service.issuer, onward.pathname, { headers: { cookie } });
    const sentCookies = [sent, resumed].flatMap(({ headers }) => headers['set-cookie'] ?? []);
    const cookies = [...stepCookies, ...sentCookies].map(cookieShape);
    assert.ok(cookies.some((shape) => shape.startsWith('__Host-kinpass_device; ')));
    assert.ok(cookies.some((shape) => shape.startsWith('__Host-kinpass_session; ')));
    for (const shape of cookies) {
      assert.match(shape, /; secure/i);
      assert.match(shape, /; httponly/i);
      assert.match(shape, /; samesite=lax/i);
      assert.doesNotMatch(shape, /domain=/i);
    }
    for (const shape of cookies.filter((one) => one.startsWith('__Host-'))) assert.match(shape, /; path=\/(;|$)/i);
  });

  it('accepts forms from its own https origin and rejects those of the internal origin', async () => {
    for (const [origin, status] of [
      [ISSUER, 200],
      [service.issuer, 403],
      ['http://id.city.test', 403],
      ['https://id.city.test:8443', 403],
      ['https://id.city.test.evil.example', 403],
    ] as const) {
      const headers = { ...formHeaders(ISSUER), origin, 'sec-fetch-site': '' };
      const body = 'login=unknown';
      assert.equal(
        (await send(service.issuer, '/forgot-password', { method: 'POST', headers, body })).status,
        status,
        origin,
      );
    }
  });
});
