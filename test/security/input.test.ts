import assert from 'node:assert/strict';
import { it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, formOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { newSecret, createRegistration } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { HUGE, payloads } from './payloads.ts';

const enc = encodeURIComponent;

/** Parameters of the provider's endpoints. */
const AUTH = [
  ...['client_id', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'state', 'nonce', 'code_challenge'],
  ...['code_challenge_method', 'prompt', 'max_age', 'login_hint', 'ui_locales', 'claims', 'acr_values', 'display'],
  ...['id_token_hint', 'request', 'request_uri', 'resource'],
];
const TOKEN = [
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'client_id',
  'client_secret',
  'refresh_token',
  'scope',
];
const END = ['id_token_hint', 'post_logout_redirect_uri', 'client_id', 'state', 'logout_hint', 'ui_locales'];

const secret = newSecret();
const kept = createCapturedLog('warn');

eachService(
  'strange input',
  () => ({
    log: kept.log,
    clients: [createRegistration('club', secret, { scopes: ['openid', 'profile', 'roles', 'children'] })],
  }),
  (running) => {
    /** Asserts no 5xx, no internal details, and no input as markup. */
    const assertSafe = ({ status, body, headers }: RawResponse, what: string): void => {
      assert.ok(status >= 200 && status < 500, `${what}: ${String(status)} ${body.slice(0, 300)}`);
      assert.doesNotMatch(body, /\bat .*\.(ts|js):\d+|node_modules|SQLITE|ZodError|syntax error at/, what);
      assert.ok(!body.includes('<script>alert'), what);
      assert.ok(!body.includes('49{{'), what);
      assert.ok(!(headers['set-cookie'] ?? []).some((cookie) => cookie.startsWith('evil')), what);
    };
    const origin = (): string => running().issuer;
    const cookieOf = (httpBrowser: HttpBrowser, path: string): Promise<string> =>
      httpBrowser.jar.getCookieString(origin() + path);
    const sendAll = async (path: string, names: readonly string[], rest: string, cookie = ''): Promise<void> => {
      const headers = formHeaders(origin(), cookie);
      for (const [what, body] of Object.entries(HUGE)) {
        assertSafe(await send(origin(), path, { method: 'POST', headers, body }), `${path} ${what}`);
      }
      for (const name of names) {
        const trial = async ([what, body]: [string, string]): Promise<void> => {
          const form = rest === '' ? body : `${body}&${rest}`;
          assertSafe(await send(origin(), path, { method: 'POST', headers, body: form }), `${path} ${name} ${what}`);
        };
        await Promise.all(Object.entries(payloads(name)).map(trial));
      }
    };
    const signIn = async (login: string, password?: string): Promise<HttpBrowser> =>
      (await signInToAccount({ issuer: origin() }, login, password)).httpBrowser;

    it('causes no 5xx at the sign-in page and signs no person in', async () => {
      const httpBrowser = createHttpBrowser(origin());
      const { action } = formOf((await httpBrowser.open('/account')).body);
      const cookie = await cookieOf(httpBrowser, action);
      await sendAll(action, ['login'], 'password=x', cookie);
      await sendAll(action, ['password'], 'login=unknown%40parents.example', cookie);
      await sendAll(action, ['remember'], 'login=unknown%40parents.example', cookie);
      const lookAlike = { login: 'ѕhufen.сhen', password: DEMO_PASSWORD };
      assert.equal((await httpBrowser.submit(await httpBrowser.open('/account'), lookAlike)).status, 422);
      assert.equal(interactionOf(await httpBrowser.open('/account')), 'login');
    });

    it('causes no 5xx at the forced password change', async () => {
      const httpBrowser = createHttpBrowser(origin());
      const page = await httpBrowser.submit(await httpBrowser.open('/account'), {
        login: LOGIN.G1,
        password: '100201',
      });
      const { action } = formOf(page.body);
      await sendAll(action, ['new_password'], 'current_password=100201', await cookieOf(httpBrowser, action));
      await sendAll(action, ['current_password'], '', await cookieOf(httpBrowser, action));
      assert.equal(interactionOf(await httpBrowser.open(page.url)), 'new_password');
    });

    it('causes no 5xx at the account pages', async () => {
      const cookie = await cookieOf(await signIn(LOGIN.G2), '/account');
      await sendAll('/account/password', ['current_password', 'new_password', 'confirm_password'], '', cookie);
      await sendAll('/account/sessions/revoke', ['session'], '', cookie);
      await sendAll('/account/sessions/revoke-others', ['anything'], '', cookie);
      await sendAll('/account/apps/revoke', ['app'], '', cookie);
      for (const body of Object.values(payloads('done')).filter((one) => one.length < 9_000)) {
        assertSafe(await send(origin(), `/account?${body}`, { headers: { cookie } }), `/account?${body.slice(0, 40)}`);
      }
    });

    it('causes no 5xx at context selection and from consent', async () => {
      const httpBrowser = await signIn(LOGIN.G2);
      const url = authorization({ scope: 'openid roles children' });
      const { action } = formOf((await httpBrowser.open(url)).body);
      await sendAll(action, ['choice', 'consent'], '', await cookieOf(httpBrowser, action));
      assert.equal(interactionOf(await httpBrowser.open(url)), 'select_account');
    });

    it('causes no 5xx at the protocol endpoints', async () => {
      for (const name of AUTH) {
        const trial = async ([what, form]: [string, string]): Promise<void> => {
          const others = new URLSearchParams(parameters());
          others.delete(name);
          const query = `${form}&${others.toString()}`;
          const headers = formHeaders(origin());
          assertSafe(
            await send(origin(), '/auth', { method: 'POST', headers, body: query }),
            `POST /auth ${name} ${what}`,
          );
          if (query.length < 9_000) assertSafe(await send(origin(), `/auth?${query}`), `GET /auth ${name} ${what}`);
        };
        await Promise.all(Object.entries(payloads(name)).map(trial));
      }
      const basic = `client_id=club&client_secret=${enc(secret)}`;
      await sendAll('/token', TOKEN, `grant_type=authorization_code&code=x&${basic}`);
      await sendAll('/token/revocation', ['token', 'token_type_hint'], basic);
      await sendAll('/token/introspection', ['token', 'token_type_hint'], basic);
      await sendAll('/request', ['scope', 'redirect_uri', 'code_challenge', 'client_id'], basic);
      await sendAll('/device/auth', ['client_id', 'scope', 'claims'], '');
      await sendAll('/session/end', END, '');
      await sendAll('/session/end/confirm', ['request', 'logout'], '');
      await sendAll('/me', ['access_token'], '');
    });

    it('causes no 5xx at the device code page', async () => {
      const httpBrowser = createHttpBrowser(origin());
      const page = await httpBrowser.open('/device');
      const xsrf = new URLSearchParams({ xsrf: formOf(page.body).hidden['xsrf'] ?? '' }).toString();
      const cookie = await cookieOf(httpBrowser, '/device');
      await sendAll('/device', ['user_code', 'confirm', 'abort'], xsrf, cookie);
      await sendAll('/device', ['xsrf'], 'user_code=BCDF-GHJK');
    });

    it('in headers causes no 5xx', async () => {
      const values = [
        'Bearer',
        'Bearer \u00ff',
        'Basic',
        'Basic ====',
        'Basic OjpAOg==',
        'DPoP x',
        `Bearer ${'x'.repeat(7000)}`,
        'Basic JTAwOiUwMA==',
      ];
      for (const authorization of values) {
        for (const [method, path] of [
          ['GET', '/me'],
          ['POST', '/token'],
          ['POST', '/token/revocation'],
        ] as const) {
          const headers = { authorization, ...(method === 'POST' ? formHeaders(origin()) : {}) };
          const body = method === 'POST' ? 'grant_type=authorization_code&code=x&token=x' : '';
          assertSafe(await send(origin(), path, { method, headers, body }), `${path} ${authorization.slice(0, 20)}`);
        }
      }
      for (const headers of [
        { 'accept-language': `${'x-'.repeat(3000)};q=1,*;q=zzz,,;;` },
        { accept: '*/*;q=abc, ,text/' },
        { 'user-agent': '\u00ff<script>alert(1)</script>' },
        { cookie: '=;;=;kinpass_session;kinpass_lang=%' },
        { 'if-none-match': '"' },
        { range: 'bytes=9-1' },
        { 'content-length': '5' },
      ]) {
        for (const path of ['/account', '/forgot-password', '/assets/style.css']) {
          const bodied = 'content-length' in headers ? { body: 'login' } : {};
          assertSafe(
            await send(origin(), path, { headers, ...bodied }),
            `${path} ${JSON.stringify(headers).slice(0, 60)}`,
          );
        }
      }
    });

    it('of another content type than a form causes no 5xx', async () => {
      const bodies: [string, Record<string, string>, string | Buffer][] = [
        ['JSON', { 'content-type': 'application/json' }, '{"login":{"$gt":""}}'],
        ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\n\r\nlogin\r\n--x--'],
        ['an unknown charset', { 'content-type': 'application/x-www-form-urlencoded; charset=klingon' }, 'login=x'],
        [
          'UTF-16',
          { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16' },
          Buffer.from('login=x', 'utf16le'),
        ],
        ['no kind at all', { 'content-type': '' }, 'login=x'],
        ['broken gzip', { 'content-encoding': 'gzip' }, 'this is no gzip'],
        ['broken deflate', { 'content-encoding': 'deflate' }, 'this is no deflate'],
        ['a gzip bomb', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(20_000_000, 'x'))],
        ['an unknown encoding', { 'content-encoding': 'evil' }, 'login=x'],
        ['bytes', {}, Buffer.from([0, 255, 254, 61, 0])],
      ];
      for (const path of [
        '/forgot-password',
        '/reset-password?token=x',
        '/token',
        '/auth',
        '/session/end',
        '/account/password',
      ]) {
        for (const [what, headers, body] of bodies) {
          const all = { ...formHeaders(origin()), ...headers };
          assertSafe(await send(origin(), path, { method: 'POST', headers: all, body }), `${path} ${what}`);
        }
      }
    });

    it('in paths causes no 5xx', async () => {
      const paths = [
        ...[
          '/%00',
          '/%ff',
          '/%zz',
          '/%',
          '/..%2f..%2fetc/passwd',
          '/../../etc/passwd',
          '//',
          '///',
          '/;x',
          '/?',
          '/?%00',
        ],
        ...[
          '/assets/../package.json',
          '/assets/..%2fpackage.json',
          '/assets/%2e%2e/package.json',
          '/assets/',
          '/assets/%00',
        ],
        ...[
          '/assets/style.css%00.js',
          '/assets/constructor',
          '/assets/__proto__',
          '/interaction/%00',
          '/interaction/%ff/login',
        ],
        ...[
          `/interaction/${'a'.repeat(9_000)}`,
          '/auth/%00',
          '/auth/%ff',
          `/auth/${'a'.repeat(9_000)}`,
          '/language?to=%00&back=%00',
        ],
        ...[
          '/reset-password?token=%00',
          '/reset-password?token[]=x',
          '/account/callback?code=%00&state=%00',
          '/account?done[]=x',
        ],
        ...[
          '/account/callback?code=x&code=y',
          '/session/end/success?client_id=%00',
          '/.well-known/%00',
          '/jwks/../token',
        ],
      ];
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']) {
          assertSafe(
            await send(origin(), path, { method, headers: formHeaders(origin()) }),
            `${method} ${path.slice(0, 60)}`,
          );
        }
      }
    });

    it('leaves no error in the log and the service running', async () => {
      assert.ok(!kept.text().includes('"level":"error"'), kept.text().slice(0, 2000));
      const page = await (await signIn(LOGIN.T1)).open('/account');
      assert.equal(new URL(page.url).pathname, '/account');
    });
  },
);

function parameters(): Record<string, string> {
  return {
    client_id: 'club',
    redirect_uri: 'https://club.example/callback',
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  };
}

function authorization(more: Record<string, string>): string {
  return `/auth?${new URLSearchParams({ ...parameters(), ...more }).toString()}`;
}
