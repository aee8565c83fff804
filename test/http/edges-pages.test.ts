import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { send, type RawResponse } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const CSP =
  "default-src 'none';style-src 'self';script-src 'self';img-src 'self';font-src 'self';connect-src 'self';base-uri 'none';frame-ancestors 'none'";

describe('every page', () => {
  let service: TestService;
  let party: TestParty;
  let stranger: TestParty;
  /** One response of each kind of page. */
  const pages: Record<string, Answer> = {};
  before(async () => {
    const secret = newSecret();
    const scopes = ['openid', 'profile', 'roles', 'children', 'children.profile'];
    service = await startService({
      clients: [
        createRegistration('payment', secret, { scopes, permissions: ['fees:read'] }),
        createRegistration('stranger', secret, { scopes: ['openid', 'profile'], first_party: false }),
      ],
    });
    party = await createParty(service.issuer, { id: 'payment', secret, scope: scopes.join(' ') });
    stranger = await createParty(service.issuer, { id: 'stranger', secret, scope: 'openid profile' });
    await collect();
  });
  after(() => service.stop());

  const collect = async (): Promise<void> => {
    const anonymous = createHttpBrowser(service.issuer);
    const signIn = await anonymous.open('/account');
    Object.assign(pages, {
      'sign-in': signIn,
      'failed sign-in': await anonymous.submit(signIn, { login: 'unknown@parents.example', password: 'x' }),
      'another step': await anonymous.post(`${signIn.url}/consent`, ''),
      'expired step': await anonymous.open(`/interaction/${'x'.repeat(43)}`),
      'not found': await anonymous.open('/no/such/page'),
      'method not allowed': await anonymous.post('/account', ''),
      forbidden: await anonymous.post('/account/password', '', {
        origin: 'https://evil.example',
        'sec-fetch-site': '',
      }),
      'bad form': await anonymous.post(`${signIn.url}/login`, 'login=a&login=b'),
      'wrong request of an app': await anonymous.open('/auth?client_id=unknown'),
      forgot: await anonymous.open('/forgot-password'),
      sent: await anonymous.submit(await anonymous.open('/forgot-password'), { login: 'unknown@parents.example' }),
      'expired link': await anonymous.open('/reset-password?token=x'),
      'signed out': await anonymous.open('/session/end/success'),
    });
    const first = createHttpBrowser(service.issuer);
    const parent = createHttpBrowser(service.issuer);
    Object.assign(pages, {
      'forced change': await first.submit(await first.open('/account'), { login: LOGIN.G1, password: '100201' }),
      account: await parent.submit(await parent.open('/account'), { login: LOGIN.G2, password: DEMO_PASSWORD }),
      'change of the password': await parent.open('/account/password'),
      chooser: await parent.open((await party.begin()).url),
      consent: await parent.open((await stranger.begin()).url),
      'sign-out': await parent.open('/session/end'),
    });
    const suspended = createHttpBrowser(service.issuer);
    const question = await suspended.open((await party.begin()).url);
    pages['no child'] = await suspended.submit(question, { login: LOGIN.G3, password: DEMO_PASSWORD });
  };

  it('has the expected status, so the following tests cover all kinds of pages', () => {
    const statuses = Object.fromEntries(Object.entries(pages).map(([name, { status }]) => [name, status]));
    assert.deepEqual(statuses, {
      'sign-in': 200,
      'failed sign-in': 422,
      'another step': 409,
      'expired step': 410,
      'not found': 404,
      'method not allowed': 405,
      forbidden: 403,
      'bad form': 400,
      'wrong request of an app': 400,
      forgot: 200,
      sent: 200,
      'expired link': 410,
      'signed out': 200,
      'forced change': 200,
      account: 200,
      'change of the password': 200,
      chooser: 200,
      consent: 200,
      'sign-out': 200,
      'no child': 200,
    });
    for (const [name, step] of [
      ['sign-in', 'login'],
      ['forced change', 'new_password'],
      ['chooser', 'select_account'],
      ['consent', 'consent'],
    ] as const) {
      assert.equal(interactionOf(pages[name] ?? assert.fail(name)), step);
    }
    assert.match(textOf(pages['no child']?.body ?? ''), /目前沒有學生資料/);
  });

  it('has a strict Content-Security-Policy without form-action, and the other security headers', () => {
    const expected: Record<string, string> = {
      'content-security-policy': CSP,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'content-type': 'text/html; charset=utf-8',
    };
    for (const [name, { headers }] of Object.entries(pages)) {
      for (const [header, value] of Object.entries(expected)) {
        assert.equal(headers.get(header), value, `${header} of ${name}`);
      }
      assert.equal(headers.get('x-powered-by'), null);
      assert.equal(headers.get('strict-transport-security'), null, 'not over http');
    }
  });

  it('and every other response disables browser features that the service does not use', async () => {
    const answers: Record<string, string | null> = {};
    for (const [name, { headers }] of Object.entries(pages)) answers[name] = headers.get('permissions-policy');
    const paths = ['/', '/jwks', '/.well-known/openid-configuration', '/assets/style.css', '/health/live', '/me'];
    for (const path of [...paths, '/auth?client_id=unknown', '/reset-password?token=x', '/nothing.json']) {
      answers[path] = String((await send(service.issuer, path)).headers['permissions-policy']);
    }
    for (const [name, policy] of Object.entries(answers)) {
      const features = new Map(
        (policy ?? '').split(', ').map((part): [string, string] => {
          const [feature = '', allowed = ''] = part.split('=');
          return [feature, allowed];
        }),
      );
      for (const feature of ['camera', 'microphone', 'geolocation', 'payment', 'usb', 'serial', 'display-capture']) {
        assert.equal(features.get(feature), '()', `${feature} of ${name}`);
      }
      for (const feature of ['publickey-credentials-get', 'publickey-credentials-create']) {
        assert.equal(features.get(feature), '(self)', `${feature} of ${name}`);
      }
    }
  });

  it('is not cached', () => {
    for (const [name, { headers }] of Object.entries(pages)) {
      assert.match(headers.get('cache-control') ?? '', /no-store/, name);
    }
  });

  it('has no inline script or style and loads only assets of the service', async () => {
    const linked = new Set<string>();
    for (const [name, { body }] of Object.entries(pages)) {
      assert.doesNotMatch(body, /<script(?![^>]* src=)|<style|\son\w+="|\sstyle="|javascript:/i, name);
      for (const [, url = ''] of body.matchAll(/(?:src|<link[^>]*href)="([^"]*)"/g)) linked.add(url);
    }
    assert.ok(linked.size >= 4);
    for (const url of linked) {
      assert.match(url, /^\/assets\/[\w.-]+\?v=[0-9a-f]{12}$/);
      const response = await fetch(service.issuer + url);
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(response.status, 200, url);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(createHash('sha256').update(bytes).digest('hex').slice(0, 12), url.slice(-12));
    }
  });

  it('has a form or a link to continue', () => {
    for (const [name, { body }] of Object.entries(pages)) {
      const main = body.slice(body.indexOf('<main'));
      assert.match(main, /<form|<a [^>]*href="\/|href="https:/, name);
    }
  });

  it('declares its language and links to the same page in the other languages', async () => {
    for (const [name, { body, url }] of Object.entries(pages)) {
      assert.match(body, /<html lang="zh-TW">/, name);
      const [, href = ''] = /href="(\/language\?to=en[^"]*)"/.exec(body) ?? [];
      const back = new URL(href.replaceAll('&amp;', '&'), service.issuer).searchParams.get('back') ?? '';
      if (interactionOf({ body } as Answer) !== undefined) assert.ok(new URL(url).pathname.startsWith(back), name);
    }
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open('/account');
    const [, link = ''] = /href="(\/language\?to=en[^"]*)"/.exec(page.body) ?? [];
    const english = await httpBrowser.open(link.replaceAll('&amp;', '&'));
    assert.equal(english.url, page.url);
    assert.match(english.body, /<html lang="en">/);
    assert.match((await httpBrowser.open('/forgot-password')).body, /<html lang="en">/);
  });
});

describe('an error page', () => {
  let service: TestService;
  before(async () => {
    service = await startService({ clients: [] });
  });
  after(() => service.stop());

  it('after a form has language links that lead to a page', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.T2, password: DEMO_PASSWORD });
    for (const path of ['/account/sessions/revoke', '/account/apps/revoke']) {
      const refused = await httpBrowser.post(path, 'session=a&session=b&app=a&app=b');
      assert.equal(refused.status, 400, path);
      const [, link = ''] = /href="(\/language\?to=en[^"]*)"/.exec(refused.body) ?? [];
      const english = await httpBrowser.open(link.replaceAll('&amp;', '&'));
      assert.deepEqual([english.status, new URL(english.url).pathname], [200, '/account'], path);
    }
  });

  it('escapes the path, the query, parameters and headers', async () => {
    const markup = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
    const enc = encodeURIComponent(markup);
    const httpBrowser = createHttpBrowser(service.issuer);
    const answers = [
      await httpBrowser.open(`/no/${enc}?x=${enc}`),
      await httpBrowser.open(`/interaction/${enc}`),
      await httpBrowser.open(`/auth?client_id=${enc}&state=${enc}&redirect_uri=${enc}&scope=${enc}`),
      await httpBrowser.open(`/auth/${enc}`),
      await httpBrowser.open(
        `/session/end?id_token_hint=${enc}&post_logout_redirect_uri=${enc}&state=${enc}&client_id=${enc}`,
      ),
      await httpBrowser.open(`/session/end/success?client_id=${enc}`),
      await httpBrowser.open(`/reset-password?token=${enc}`),
      await httpBrowser.open(`/account/callback?error=${enc}&error_description=${enc}`),
      await httpBrowser.open('/nothing', { referer: `https://x.example/${enc}`, 'accept-language': 'en;q="<script>"' }),
      await httpBrowser.post('/forgot-password', new URLSearchParams({ login: '' }), { 'accept-language': markup }),
      await httpBrowser.submit(await httpBrowser.open('/account'), { login: markup, password: markup }),
    ];
    for (const { body, status, url } of answers) {
      assert.ok(status < 500, url);
      assert.ok(!body.includes('<script>alert') && !body.includes('<img src=x'), url);
    }
  });

  it('is JSON for API clients and a page for browsers', async () => {
    const ask = (accept: string): Promise<Response> =>
      fetch(`${service.issuer}/token`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=nonsense',
      });
    const json = await ask('application/json');
    assert.equal(json.status, 401);
    assert.match(json.headers.get('content-type') ?? '', /^application\/json/);
    assert.match(await json.text(), /"error":"invalid_client"/);
    const any = await ask('*/*');
    assert.match(any.headers.get('content-type') ?? '', /^application\/json/);
  });
});

describe('an asset', () => {
  let service: TestService;
  before(async () => {
    service = await startService({ clients: [], city: false });
  });
  after(() => service.stop());

  it('is cached forever with its hash and revalidated without it or with an old one', async () => {
    const url = `${service.issuer}/assets/style.css`;
    const first = await fetch(url);
    assert.equal(first.headers.get('cache-control'), 'no-cache');
    assert.equal(first.headers.get('content-type'), 'text/css; charset=utf-8');
    assert.equal((await fetch(`${url}?v=000000000000`)).headers.get('cache-control'), 'no-cache');
    const etag = first.headers.get('etag') ?? '';
    assert.match(etag, /^"[0-9a-f]{12}"$/);
    const ask = (match: string): Promise<RawResponse> =>
      send(service.issuer, '/assets/style.css', { headers: { 'if-none-match': match } });
    const again = await ask(etag);
    assert.equal(again.status, 304);
    assert.equal(again.body, '');
    assert.equal((await ask('"other"')).status, 200);
  });

  it('is served from the public folder only', async () => {
    for (const path of [
      'nothing.css',
      '',
      '../package.json',
      '%2e%2e/package.json',
      '..%2f..%2fpackage.json',
      'style.css/',
    ]) {
      const response = await fetch(`${service.issuer}/assets/${path}`);
      assert.equal(response.status, 404, path);
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    }
  });
});
