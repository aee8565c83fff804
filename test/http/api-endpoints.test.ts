/** The HTTP rules of the API endpoints: methods, paths, errors of client authentication, and scripts of other origins (CORS). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { refresh, LOGIN, signInWithNewBrowser, userinfo, type Reply } from '../helpers/authorization-flow.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SPA = 'https://spa.example';
const HYBRID = 'capacitor://localhost';
const SERVER = 'https://server.example';
const PUBLIC = { token_endpoint_auth_method: 'none', client_secret_sha256: [], scopes: ['openid', 'offline_access'] };
let service: TestService;
let spa: TestParty;
let accessToken: string;
let refreshToken: string;

before(async () => {
  service = await startService({
    clients: [
      createRegistration('spa', secret, PUBLIC),
      createRegistration('hybrid', secret, {
        ...PUBLIC,
        application_type: 'native',
        redirect_uris: ['hybrid.example:/back'],
        allowed_origins: [HYBRID],
      }),
      createRegistration('server', secret, { scopes: ['openid'] }),
    ],
  });
  spa = await createParty(service.issuer, { id: 'spa', scope: 'openid offline_access' });
  const { tokens } = await signInWithNewBrowser(spa, { login: LOGIN.T2, parameters: { prompt: 'consent' } });
  accessToken = tokens.access_token;
  refreshToken = tokens.refresh_token ?? '';
});
after(() => service.stop());

const METHODS: Readonly<Record<string, readonly string[]>> = {
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
  '/.well-known/openid-configuration': ['GET', 'HEAD'],
  '/device/auth': ['POST'],
  '/jwks': ['GET', 'HEAD'],
  '/me': ['GET', 'HEAD', 'POST'],
  '/request': ['POST'],
  '/token': ['POST'],
  '/token/introspection': ['POST'],
  '/token/revocation': ['POST'],
};
const AUTHENTICATED = ['/device/auth', '/request', '/token', '/token/introspection', '/token/revocation'];

const form = { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' };
const json = z.record(z.string(), z.unknown());

/** Sends a form; `origin` as a script of that page would. */
async function post(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(service.issuer + path, { method: 'POST', body: new URLSearchParams(fields), headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : json.parse(JSON.parse(text)) };
}

describe('the API endpoints', () => {
  it('return 405, Allow and JSON for other methods, with and without a slash at the end', async () => {
    for (const [path, allowed] of Object.entries(METHODS)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
        if (allowed.includes(method)) continue;
        for (const target of [path, `${path}/`]) {
          const answer = await send(service.issuer, target, { method, headers: { ...form, accept: 'text/html' } });
          assert.equal(answer.status, 405, `${method} ${target}`);
          assert.equal(answer.headers.allow, [...allowed, 'OPTIONS'].join(', '));
          assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
          if (method === 'HEAD') continue;
          const { error, error_description: text } = json.parse(JSON.parse(answer.body));
          assert.equal(error, 'invalid_request');
          assert.match(z.string().parse(text), /^method not allowed at this endpoint; use (?:GET|POST|GET or POST)$/);
        }
      }
    }
  });

  it('return 204 and Allow for OPTIONS without a preflight', async () => {
    for (const [path, allowed] of Object.entries(METHODS)) {
      const answer = await send(service.issuer, path, { method: 'OPTIONS' });
      assert.deepEqual([answer.status, answer.headers.allow], [204, [...allowed, 'OPTIONS'].join(', ')], path);
    }
  });

  it('return 405 and Allow for other methods at the pages of the provider too', async () => {
    for (const path of ['/auth', '/device']) {
      const answer = await send(service.issuer, path, { method: 'PUT', headers: { accept: 'text/html' } });
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD, POST'], path);
      assert.match(answer.body, /此頁面不支援這項操作|This action isn&#39;t supported/);
    }
  });

  it('answer with a slash at the end as without', async () => {
    const fields = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: 'unknown' };
    const [plain, slash] = [await post('/token', fields), await post('/token/', fields)];
    assert.deepEqual([slash.status, slash.body], [plain.status, plain.body]);
    assert.equal(plain.body['error'], 'invalid_grant');
    const headers = { authorization: `Bearer ${accessToken}` };
    for (const path of [
      '/me',
      '/jwks',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ]) {
      const [one, other] = [
        await fetch(service.issuer + path, { headers }),
        await fetch(`${service.issuer}${path}/`, { headers }),
      ];
      assert.deepEqual([other.status, await other.json()], [200, await one.json()], path);
    }
  });

  it('answer HEAD like GET, without a body', async () => {
    const headers = { authorization: `Bearer ${accessToken}` };
    for (const path of Object.keys(METHODS).filter((one) => METHODS[one]?.includes('HEAD'))) {
      const [head, get] = [
        await send(service.issuer, path, { method: 'HEAD', headers }),
        await send(service.issuer, path, { headers }),
      ];
      assert.deepEqual([head.status, head.body], [200, ''], path);
      assert.equal(head.headers['content-length'], get.headers['content-length'], path);
      assert.equal(head.headers['content-type'], get.headers['content-type'], path);
    }
  });

  it('return JSON also to a client that prefers HTML', async () => {
    for (const accept of ['text/html', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2']) {
      const reply = await post(
        '/token',
        { grant_type: 'refresh_token', client_id: 'spa', refresh_token: 'x' },
        { accept },
      );
      assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_grant'], accept);
      const unknown = await fetch(`${service.issuer}/me`, { headers: { accept, authorization: 'Bearer unknown' } });
      assert.deepEqual([unknown.status, json.parse(await unknown.json())['error']], [401, 'invalid_token'], accept);
    }
  });
});

describe('client authentication (RFC 6749, section 5.2)', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it('that is missing or invalid returns 401 invalid_client with WWW-Authenticate', async () => {
    const attempts: Record<string, [fields: Record<string, string>, headers?: Record<string, string>]> = {
      none: [{}],
      'an unknown client': [{ client_id: 'unknown' }],
      'only the id of a confidential client': [{ client_id: 'server' }],
      'a wrong secret': [{}, { authorization: basic('server:wrong') }],
      'a wrong secret in the form': [{ client_id: 'server', client_secret: 'wrong' }],
      'another scheme': [{}, { authorization: `Bearer ${accessToken}` }],
      'no secret': [{}, { authorization: basic('server:') }],
      'no base64': [{}, { authorization: 'Basic %%%' }],
      'no colon': [{}, { authorization: basic('server') }],
      'a bad encoding': [{}, { authorization: basic('server:%') }],
    };
    for (const path of AUTHENTICATED) {
      for (const [what, [fields, headers]] of Object.entries(attempts)) {
        const reply = await post(path, { token: 'x', grant_type: 'authorization_code', ...fields }, headers);
        assert.deepEqual([reply.status, reply.body['error']], [401, 'invalid_client'], `${path} ${what}`);
        assert.match(reply.headers.get('www-authenticate') ?? '', /^Basic realm="http.*error="invalid_client"/);
        assert.equal(typeof reply.body['error_description'], 'string');
      }
    }
  });

  it('with two methods at once stays a malformed request', async () => {
    const both = { client_id: 'server', client_secret: secret };
    const reply = await post('/token', both, { authorization: basic(`server:${secret}`) });
    assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_request']);
  });
});

const ALLOW = 'access-control-allow-origin';

/** Sends a preflight. @returns the status and the CORS headers */
async function preflight(path: string, origin: string, method = 'POST'): Promise<Record<string, unknown>> {
  const headers = {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type,dpop',
  };
  const answer = await send(service.issuer, path, { method: 'OPTIONS', headers });
  return {
    status: answer.status,
    ...corsHeaders(
      new Headers(Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])),
    ),
  };
}

function corsHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
}

const READABLE = { 'access-control-expose-headers': 'WWW-Authenticate, DPoP-Nonce, Retry-After', vary: 'Origin' };

/** Uses the whole budget of pushed requests of this machine. */
function fillBudget(): void {
  try {
    for (;;) service.container.rateLimiter.admitNetwork('pushed_authorization_request', '127.0.0.1');
  } catch {
    // The budget is used.
  }
}

describe('scripts of other origins (CORS)', () => {
  it('may send requests from the origins of browser clients, after a preflight', async () => {
    for (const origin of [SPA, HYBRID]) {
      for (const path of ['/token', '/token/revocation', '/request', '/device/auth', '/me']) {
        assert.deepEqual(await preflight(path, origin), {
          status: 204,
          [ALLOW]: origin,
          'access-control-allow-methods': path === '/me' ? 'GET, HEAD, POST' : 'POST',
          'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
          'access-control-max-age': '3600',
          vary: 'Origin',
        });
      }
    }
  });

  it('may not send requests from other origins', async () => {
    for (const origin of [
      SERVER,
      'https://spa.example:8443',
      'http://spa.example',
      'https://SPA.example',
      'null',
      '*',
    ]) {
      assert.deepEqual(await preflight('/token', origin), { status: 204, vary: 'Origin' }, origin);
      const fields = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken };
      const reply = await post('/token', fields, { origin });
      assert.deepEqual([reply.status, corsHeaders(reply.headers)], [400, { vary: 'Origin' }], origin);
      assert.match(String(reply.body['error_description']), /^origin .* not allowed for client: spa$/);
    }
    const next = await refresh(spa, refreshToken);
    assert.equal(next.status, 200, 'the token is not consumed');
    refreshToken = z.string().parse(next.body['refresh_token']);
  });

  it('never introspect tokens', async () => {
    assert.deepEqual(await preflight('/token/introspection', SPA), { status: 204, vary: 'Origin' });
    const reply = await post('/token/introspection', { token: 'x' }, { origin: SPA });
    assert.deepEqual([reply.status, reply.headers.get(ALLOW)], [401, null]);
  });

  it('read claims and new tokens only for their own client', async () => {
    const ask = (origin: string): Promise<Response> =>
      fetch(`${service.issuer}/me`, { headers: { origin, authorization: `Bearer ${accessToken}` } });
    const own = await ask(SPA);
    assert.deepEqual([own.status, corsHeaders(own.headers)], [200, { [ALLOW]: SPA, ...READABLE }]);
    for (const origin of [HYBRID, SERVER]) {
      const other = await ask(origin);
      assert.deepEqual([other.status, corsHeaders(other.headers)], [400, { vary: 'Origin' }], origin);
    }
    const fields = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken };
    const next = await post('/token', fields, { origin: SPA });
    assert.deepEqual([next.status, corsHeaders(next.headers)], [200, { [ALLOW]: SPA, ...READABLE }]);
    const revoked = await post(
      '/token/revocation',
      { client_id: 'spa', token: String(next.body['refresh_token']) },
      { origin: SPA },
    );
    assert.deepEqual([revoked.status, corsHeaders(revoked.headers)], [200, { [ALLOW]: SPA, ...READABLE }]);
  });

  it('read errors, with the headers that say what to do', async () => {
    const origin = { origin: SPA };
    const grant = { grant_type: 'authorization_code', code: 'x', client_id: 'spa' };
    const replies: [status: number, reply: Reply][] = [
      [400, await post('/token', grant, origin)],
      [400, await post('/token', grant, { ...origin, dpop: 'x' })],
      [400, await post('/token', {}, { ...origin, 'content-type': 'application/json' })],
      [401, await post('/token', {}, origin)],
      [401, await post('/token', { ...grant, client_id: 'unknown' }, origin)],
      [401, await post('/me', {}, { ...origin, authorization: 'Bearer unknown' })],
      [413, await post('/request', { client_id: 'spa', scope: 'x'.repeat(17_000) }, origin)],
    ];
    const parameters = { client_id: 'spa', response_type: 'code', scope: 'openid', code_challenge_method: 'S256' };
    fillBudget();
    const pushed = { ...parameters, redirect_uri: spa.redirectUri, code_challenge: 'x'.repeat(43) };
    const limited = await post('/request', pushed, origin);
    assert.match(limited.headers.get('retry-after') ?? '', /^\d+$/);
    replies.push([429, limited]);
    for (const [status, { status: found, headers, body }] of replies) {
      assert.deepEqual([found, corsHeaders(headers)], [status, { [ALLOW]: SPA, ...READABLE }], JSON.stringify(body));
    }
    const put = await fetch(`${service.issuer}/token`, { method: 'PUT', headers: origin });
    assert.deepEqual([put.status, corsHeaders(put.headers)], [405, { [ALLOW]: SPA, ...READABLE }]);
  });

  it('read the public documents from any origin', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server/', '/jwks']) {
      const answer = await fetch(service.issuer + path, { headers: { origin: 'https://any.example' } });
      assert.deepEqual([answer.status, answer.headers.get(ALLOW)], [200, '*'], path);
      const { status, [ALLOW]: allowed, ...others } = await preflight(path, 'https://any.example', 'GET');
      assert.deepEqual([status, allowed, others['access-control-allow-headers']], [204, '*', '*'], path);
    }
  });

  it('of a browser client are not needed: a request without Origin works', async () => {
    const reply = await userinfo(spa, accessToken);
    assert.ok([200, 401].includes(reply.status));
    assert.deepEqual(corsHeaders(reply.headers), { vary: 'Origin' });
  });
});
