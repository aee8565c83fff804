/** Pushed authorization requests (RFC 9126), with an independent client library. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { decodeJwt } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { PERMISSIONS } from '../../src/domain/model.ts';
import { codeOf, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty, type Tokens } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'children'];
let service: TestService;
let time: FrozenTime;
let app: TestParty;
let strict: TestParty;

before(async () => {
  time = freezeTime();
  service = await startService({
    clients: [
      createRegistration('app', secret, { scopes: SCOPES, permissions: PERMISSIONS }),
      createRegistration('strict', secret, {
        scopes: SCOPES,
        permissions: ['portfolio:read'],
        school_types: ['senior_high'],
        require_pushed_authorization_requests: true,
      }),
    ],
  });
  app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  strict = await createParty(service.issuer, { id: 'strict', scope: 'openid children', secret });
});
after(async () => {
  await service.stop();
  time.release();
});

interface Pushed {
  url: string;
  requestUri: string;
  finish(answer: Answer): Promise<Tokens>;
}

/** Pushes the request that the client would otherwise send by the browser. */
async function push(party: TestParty, parameters: Record<string, string> = {}): Promise<Pushed> {
  const begun = await party.begin(parameters);
  const sent = new URL(begun.url).searchParams;
  sent.delete('client_id');
  const url = await client.buildAuthorizationUrlWithPAR(party.config, sent);
  return {
    url: url.href,
    requestUri: url.searchParams.get('request_uri') ?? '',
    finish: (answer) => begun.finish(answer),
  };
}

/** Pushes unchanged fields, so tests can send invalid ones. */
async function pushRaw(fields: Record<string, string>, password = secret): Promise<{ status: number; error: unknown }> {
  const response = await fetch(app.config.serverMetadata().pushed_authorization_request_endpoint ?? '', {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { authorization: `Basic ${Buffer.from(`app:${password}`).toString('base64')}` },
  });
  const { error } = z.looseObject({ error: z.string().optional() }).parse(await response.json());
  return { status: response.status, error };
}

const visit = (): HttpBrowser => createHttpBrowser(service.issuer);
const signIn = (httpBrowser: HttpBrowser, page: Answer, login: string): Promise<Answer> =>
  httpBrowser.submit(page, { login, password: DEMO_PASSWORD });

/** Asserts an error page without a sign-in and without a redirect. */
function assertRefused(answer: Answer): void {
  assert.equal(answer.status, 400, answer.leavesTo?.href);
  assert.equal(answer.leavesTo, undefined);
  assert.equal(interactionOf(answer), undefined);
}

describe('a pushed authorization request (RFC 9126)', () => {
  it('needs only client_id and request_uri in the browser', async () => {
    const pushed = await push(app);
    assert.deepEqual([...new URL(pushed.url).searchParams.keys()].sort(), ['client_id', 'request_uri']);
    assert.match(pushed.requestUri, /^urn:ietf:params:oauth:request_uri:[\w-]{40,}$/);
    const httpBrowser = visit();
    const tokens = await pushed.finish(await signIn(httpBrowser, await httpBrowser.open(pushed.url), LOGIN.T2));
    assert.equal(decodeJwt(tokens.id_token ?? '').aud, 'app');
  });

  it('works once: after the code, the same request_uri is rejected (section 7.3)', async () => {
    const { url } = await push(app);
    const httpBrowser = visit();
    assert.ok(codeOf(await signIn(httpBrowser, await httpBrowser.open(url), LOGIN.T2)));
    assertRefused(await httpBrowser.open(url));
    assertRefused(await visit().open(url));
  });

  it('that is used twice at the same moment gives one code', async () => {
    const httpBrowser = visit();
    await signIn(httpBrowser, await httpBrowser.open((await push(app)).url), LOGIN.T2);
    for (let round = 0; round < 3; round += 1) {
      const { url } = await push(app);
      const answers = await Promise.all(Array.from({ length: 5 }, () => httpBrowser.open(url)));
      const codes = answers.filter(({ leavesTo }) => leavesTo?.searchParams.has('code'));
      assert.equal(codes.length, 1);
      for (const answer of answers.filter((one) => !codes.includes(one))) {
        if (answer.leavesTo === undefined) assertRefused(answer);
        else assert.equal(errorOf(answer), 'invalid_request_uri');
      }
    }
  });

  it('expires after 60 seconds (section 2.2)', async () => {
    const [early, late] = [await push(app), await push(app)];
    time.advance(59 * SECOND);
    assert.equal(interactionOf(await visit().open(early.url)), 'login');
    time.advance(2 * SECOND);
    assertRefused(await visit().open(late.url));
  });

  it('may expire during the sign-in', async () => {
    const pushed = await push(app);
    const httpBrowser = visit();
    const page = await httpBrowser.open(pushed.url);
    time.advance(300 * SECOND);
    assert.ok((await pushed.finish(await signIn(httpBrowser, page, LOGIN.T2))).access_token);
  });

  it('of another client is rejected (section 2.2)', async () => {
    const { requestUri } = await push(app);
    const stolen = new URL(service.issuer);
    stolen.pathname = '/auth';
    stolen.search = new URLSearchParams({ client_id: 'strict', request_uri: requestUri }).toString();
    const answer = await visit().open(stolen.href);
    assert.equal(interactionOf(answer), undefined);
    assert.equal(answer.leavesTo?.searchParams.has('code') ?? false, false);
    assert.equal(answer.status >= 400 || errorOf(answer) !== undefined, true, answer.url);
  });

  it('that is unknown is rejected', async () => {
    const url = new URL((await push(app)).url);
    url.searchParams.set('request_uri', `urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}`);
    assertRefused(await visit().open(url.href));
  });

  it('ignores other parameters of the browser (section 4; RFC 9101, section 5)', async () => {
    const pushed = await push(app);
    const url = new URL(pushed.url);
    url.searchParams.set('redirect_uri', 'https://evil.example/callback');
    url.searchParams.set('scope', 'openid');
    url.searchParams.set('state', 'of-another-client');
    const httpBrowser = visit();
    const answer = await signIn(httpBrowser, await httpBrowser.open(url.href), LOGIN.T2);
    assert.equal(answer.leavesTo?.hostname, 'app.example');
    const tokens = await pushed.finish(answer);
    assert.equal(tokens.scope, 'openid profile');
  });
});

describe('the pushed authorization request endpoint', () => {
  const fields = {
    client_id: 'app',
    response_type: 'code',
    redirect_uri: 'https://app.example/callback',
    scope: 'openid',
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
  };

  it('returns 201 for a valid request (section 2.2)', async () => {
    assert.equal((await pushRaw(fields)).status, 201);
  });

  it('rejects a request with neither PKCE nor nonce (RFC 9700, section 2.1.1)', async () => {
    const bare = { ...fields, code_challenge: '', code_challenge_method: '' };
    assert.deepEqual(await pushRaw(bare), { status: 400, error: 'invalid_request' });
    assert.equal((await pushRaw({ ...bare, nonce: 'n-0S6_WzA2Mj' })).status, 201);
  });

  for (const [what, change, error] of [
    ['an address that is not registered', { redirect_uri: 'https://evil.example/callback' }, 'invalid_request'],
    ['a scope that is not registered', { scope: 'openid email' }, 'invalid_scope'],
    ['a request without openid', { scope: 'profile', nonce: 'n-0S6_WzA2Mj' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a request_uri in it (section 2.1)', { request_uri: 'urn:example:x' }, 'request_uri_not_supported'],
    ['the id of another client', { client_id: 'strict' }, 'invalid_request'],
  ] as const) {
    it(`rejects ${what} before the browser is involved`, async () => {
      assert.deepEqual(await pushRaw({ ...fields, ...change }), { status: 400, error });
    });
  }

  it('rejects a client with a wrong secret', async () => {
    assert.deepEqual(await pushRaw(fields, newSecret()), { status: 401, error: 'invalid_client' });
  });

  it('rejects GET by a browser without a sign-in page', async () => {
    const answer = await visit().open('/request');
    assert.ok([404, 405].includes(answer.status), String(answer.status));
  });
});

describe('a client that is registered for pushed requests only', () => {
  it('is rejected when it sends a plain one', async () => {
    const answer = await visit().open((await strict.begin()).url);
    assert.equal(errorOf(answer), 'invalid_request');
    assert.equal(answer.leavesTo?.searchParams.get('iss'), service.issuer);
  });

  it('gets tokens by a pushed one', async () => {
    const pushed = await push(strict);
    const httpBrowser = visit();
    const tokens = await pushed.finish(await signIn(httpBrowser, await httpBrowser.open(pushed.url), LOGIN.G2));
    assert.equal(decodeJwt(tokens.id_token ?? '').aud, 'strict');
  });

  it('switches the context by a pushed one, without a page (docs/claims.md, rule 7)', async () => {
    const httpBrowser = visit();
    const first = await push(strict);
    await first.finish(
      await signIn(httpBrowser, await httpBrowser.open(first.url), LOGIN.T1).then((page) => pick(httpBrowser, page)),
    );
    const claims = { id_token: { acting: { value: { role: 'teacher', school_code: '993302' } } } };
    const switched = await push(strict, { prompt: 'none', claims: JSON.stringify(claims) });
    const tokens = await switched.finish(await httpBrowser.open(switched.url));
    const { acting } = z.object({ acting: z.object({ role: z.string() }) }).parse(decodeJwt(tokens.id_token ?? ''));
    assert.equal(acting.role, 'teacher');
  });

  it('lets a person without a context switch the account within the same request', async () => {
    const pushed = await push(strict);
    const httpBrowser = visit();
    // The guardianship of G3 is suspended, so there is no child and no stated reason (docs/claims.md, rule 5).
    const nothing = await signIn(httpBrowser, await httpBrowser.open(pushed.url), LOGIN.G3);
    const action = /action="(\/interaction\/[^"]+\/other-account)"/.exec(nothing.body)?.[1] ?? '';
    const page = await httpBrowser.post(action, '');
    assert.equal(interactionOf(page), 'login', textOf(page.body).slice(0, 200));
    const bridge = await signIn(httpBrowser, page, LOGIN.G2);
    const tokens = await pushed.finish(await httpBrowser.submit(bridge, {}));
    assert.equal(decodeJwt(tokens.id_token ?? '').aud, 'strict');
  });
});

/** Submits the first choice of the context selection page. */
function pick(httpBrowser: HttpBrowser, page: Answer): Promise<Answer> {
  const choice = /name="choice" value="([^"]*)"/.exec(page.body)?.[1];
  assert.ok(choice, textOf(page.body).slice(0, 200));
  return httpBrowser.submit(page, { choice });
}
