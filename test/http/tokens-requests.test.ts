/** Invalid requests at the authorization and token endpoints. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import {
  idClaims,
  requestTokens,
  codeOf,
  runAuthorization,
  errorOf,
  LOGIN,
  redeem,
  interactionOf,
  userinfo,
  textIn,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const nextSecret = newSecret();
const REDIRECT = 'https://app.example/callback';
let service: TestService;
let app: TestParty;
let other: TestParty;

const NO_PKCE = { code_challenge: undefined, code_challenge_method: undefined };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

before(async () => {
  service = await startService({
    clients: [
      createRegistration('app', secret, {
        scopes: ['openid', 'profile'],
        client_secret_sha256: [sha256(secret), sha256(nextSecret)],
      }),
      createRegistration('other', secret, { scopes: ['openid'] }),
      createRegistration('strict', secret, { scopes: ['openid'], require_pkce: true }),
      createRegistration('public', secret, {
        scopes: ['openid'],
        token_endpoint_auth_method: 'none',
        client_secret_sha256: [],
      }),
      createRegistration('poster', secret, { scopes: ['openid'], token_endpoint_auth_method: 'client_secret_post' }),
    ],
  });
  const { issuer } = service;
  app = await createParty(issuer, { id: 'app', scope: 'openid profile', secret });
  other = await createParty(issuer, { id: 'other', scope: 'openid', secret });
});
after(() => service.stop());

/** Sends an authorization request with changed parameters; `undefined` omits one. */
async function request(changes: Record<string, string | undefined>, party = app): Promise<Answer> {
  const url = new URL((await party.begin()).url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return createHttpBrowser(service.issuer).open(url.href);
}

/** Asserts an error page: a redirect would make the service an open redirector (RFC 9700, section 4.11). */
function assertStays(answer: Answer): void {
  assert.equal(answer.leavesTo, undefined);
  assert.equal(answer.status, 400);
  assert.match(textOf(answer.body), /無法從這個應用程式登入/);
}

describe('redirect_uri', () => {
  const wrong = {
    'a longer path': `${REDIRECT}/more`,
    'a query': `${REDIRECT}?next=1`,
    'another case': 'https://app.example/Callback',
    'a port': 'https://app.example:8443/callback',
    'http instead of https': 'http://app.example/callback',
    'a user part': 'https://app.example@evil.example/callback',
    'a fragment': `${REDIRECT}#x`,
    'a path that climbs': 'https://app.example/x/../callback',
    'another host': 'https://evil.example/callback',
    'another scheme': 'javascript:alert(1)',
    'that of another client': 'https://other.example/callback',
  };
  for (const [what, address] of Object.entries(wrong)) {
    it(`with ${what} gets an error page without a redirect (RFC 9700, section 2.1)`, async () => {
      assertStays(await request({ redirect_uri: address }));
    });
  }

  it('is required (OpenID Connect Core 1.0, section 3.1.2.1)', async () => {
    assertStays(await request({ redirect_uri: undefined }));
  });

  it('of an unknown client is rejected', async () => {
    assertStays(await request({ client_id: 'unknown' }));
    assertStays(await request({ client_id: undefined }));
  });
});

describe('the authorization request', () => {
  for (const type of ['token', 'id_token', 'id_token token', 'code id_token', 'code token', 'none']) {
    it(`with response_type=${type} is rejected: only the code flow exists`, async () => {
      const answer = await request({ response_type: type });
      assert.equal(answer.leavesTo?.origin, 'https://app.example');
      const sent = new URLSearchParams(`${answer.leavesTo.search.slice(1)}&${answer.leavesTo.hash.slice(1)}`);
      assert.equal(sent.get('error'), 'unsupported_response_type');
      assert.equal(sent.has('access_token') || sent.has('id_token') || sent.has('code'), false);
    });
  }

  it('without PKCE and nonce is rejected with what to send (RFC 9700, section 2.1.1)', async () => {
    for (const nonce of [undefined, '']) {
      const answer = await request({ ...NO_PKCE, nonce });
      assert.equal(errorOf(answer), 'invalid_request');
      assert.equal(
        answer.leavesTo?.searchParams.get('error_description'),
        'code_challenge, with code_challenge_method=S256, or nonce is required',
      );
    }
  });

  for (const id of ['public', 'strict']) {
    it(`of a ${id} client without PKCE is rejected, also with a nonce`, async () => {
      const party = await createParty(service.issuer, { id, scope: 'openid', secret });
      const answer = await request(NO_PKCE, party);
      assert.equal(errorOf(answer), 'invalid_request');
      assert.equal(
        answer.leavesTo?.searchParams.get('error_description'),
        'code_challenge is required for this client, with code_challenge_method=S256',
      );
      assert.equal(interactionOf(await request({ nonce: undefined }, party)), 'login');
    });
  }

  it('with PKCE in plain text is rejected', async () => {
    const plain = { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' };
    assert.equal(errorOf(await request(plain)), 'invalid_request');
    assert.equal(errorOf(await request({ ...plain, code_challenge_method: undefined })), 'invalid_request');
  });

  it('of a client that authenticates itself is accepted with a nonce or with PKCE', async () => {
    assert.equal(interactionOf(await request(NO_PKCE)), 'login');
    assert.equal(interactionOf(await request({ nonce: undefined })), 'login');
  });

  it('without openid is rejected, whatever other parameters it has', async () => {
    for (const scope of ['profile', undefined]) {
      for (const more of [{}, { nonce: undefined }, { nonce: undefined, max_age: '60' }, NO_PKCE]) {
        const answer = await request({ scope, ...more });
        assert.deepEqual(
          [errorOf(answer), answer.leavesTo?.searchParams.get('error_description')],
          ['invalid_request', 'scope must include openid'],
        );
      }
    }
  });

  it('with an unregistered scope is rejected (docs/claims.md, rule 4)', async () => {
    assert.equal(errorOf(await request({ scope: 'openid email' })), 'invalid_scope');
    assert.equal(errorOf(await request({ scope: 'openid children' })), 'invalid_scope');
  });

  it('gets its state back, also with an error', async () => {
    const answer = await request({ scope: 'openid email', state: 'a b&c=d' });
    assert.equal(answer.leavesTo?.searchParams.get('state'), 'a b&c=d');
  });

  it('as a request object or by reference is rejected', async () => {
    assert.equal(errorOf(await request({ request: 'eyJhbGciOiJub25lIn0.e30.' })), 'request_not_supported');
    assertRefused(await request({ request_uri: 'https://evil.example/request' }));
  });

  it('with an invalid prompt or max_age is rejected', async () => {
    assert.equal(errorOf(await request({ prompt: 'none login' })), 'invalid_request');
    assert.equal(errorOf(await request({ prompt: 'new_password' })), 'invalid_request');
    assert.equal(errorOf(await request({ max_age: '-1' })), 'invalid_request');
    assert.equal(errorOf(await request({ claims: 'not json' })), 'invalid_request');
  });
});

function assertRefused(answer: Answer): void {
  assert.ok(errorOf(answer) !== undefined || answer.status === 400, `status ${String(answer.status)}`);
  assert.equal(interactionOf(answer), undefined);
}

describe('the token request', () => {
  const signIn = () => runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
  const fieldsOf = async () => {
    const { answer, verifier } = await signIn();
    return {
      grant_type: 'authorization_code',
      code: codeOf(answer),
      redirect_uri: REDIRECT,
      code_verifier: verifier,
    };
  };

  it('that is valid gets tokens with Cache-Control: no-store', async () => {
    const reply = await requestTokens(app, await fieldsOf());
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('cache-control'), 'no-store');
    assert.equal(reply.body['token_type'], 'Bearer');
    assert.equal(reply.body['expires_in'], 600);
    assert.equal(reply.body['refresh_token'], undefined);
  });

  for (const [what, change] of Object.entries({
    'a wrong verifier': { code_verifier: 'w'.repeat(43) },
    'another redirect address': { redirect_uri: 'https://app.example/other' },
    'a code that does not exist': { code: 'c'.repeat(43) },
  })) {
    it(`with ${what} gets invalid_grant`, async () => {
      const reply = await requestTokens(app, { ...(await fieldsOf()), ...change });
      assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_grant']);
    });
  }

  it('with a verifier for a code without PKCE gets invalid_grant (RFC 9700, section 4.8.2)', async () => {
    const parameters = { nonce: 'n-0S6_WzA2Mj', code_challenge: '', code_challenge_method: '' };
    const begun = await runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters });
    const fields = { grant_type: 'authorization_code', code: codeOf(begun.answer), redirect_uri: REDIRECT };
    const rejected = await requestTokens(app, { ...fields, code_verifier: begun.verifier });
    assert.deepEqual([rejected.status, rejected.body['error']], [400, 'invalid_grant']);
    const { body } = await requestTokens(app, fields);
    assert.equal(idClaims(body)['nonce'], parameters.nonce);
  });

  it('without a verifier gets no tokens', async () => {
    const { code, redirect_uri } = await fieldsOf();
    const reply = await requestTokens(app, { grant_type: 'authorization_code', code, redirect_uri });
    assert.equal(reply.body['error'], 'invalid_grant');
  });

  it('of another client gets invalid_grant, and the owner can still redeem the code', async () => {
    const fields = await fieldsOf();
    assert.equal((await requestTokens(other, fields)).body['error'], 'invalid_grant');
    assert.equal((await requestTokens(app, fields)).status, 200);
  });

  it('with a wrong client secret gets 401 invalid_client, and both overlapping secrets work', async () => {
    const wrong = await requestTokens({ ...app, secret: newSecret() }, await fieldsOf());
    assert.deepEqual([wrong.status, wrong.body['error']], [401, 'invalid_client']);
    const hash = await requestTokens({ ...app, secret: sha256(secret) }, await fieldsOf());
    assert.equal(hash.status, 401, 'the hash in the clients file is no secret');
    assert.equal((await requestTokens({ ...app, secret: nextSecret }, await fieldsOf())).status, 200);
    assert.equal((await requestTokens(app, await fieldsOf())).status, 200);
  });

  it('without the secret gets no tokens', async () => {
    const open = { ...app, secret: undefined };
    const bare = await requestTokens(open, await fieldsOf());
    assert.ok(bare.status >= 400 && bare.body['access_token'] === undefined, 'only the client id');
    const empty = await requestTokens({ ...app, secret: '' }, await fieldsOf());
    assert.ok(empty.status >= 400 && empty.body['access_token'] === undefined, 'an empty secret');
    const posted = { ...(await fieldsOf()), client_secret: newSecret() };
    assert.equal((await requestTokens(open, posted)).status, 401, 'a wrong one in the body');
  });

  it('with the secret in the body is accepted from a client that is registered so', async () => {
    const poster = await createParty(service.issuer, { id: 'poster', scope: 'openid', secret });
    const entered = await runAuthorization(poster, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
    const body = { client_id: 'poster', client_secret: secret };
    const fields = {
      grant_type: 'authorization_code',
      code: codeOf(entered.answer),
      redirect_uri: poster.redirectUri,
      code_verifier: entered.verifier,
    };
    const reply = await requestTokens({ ...poster, secret: undefined }, { ...fields, ...body });
    assert.equal(reply.status, 200);
  });

  it('with an unknown grant type is rejected', async () => {
    for (const type of ['password', 'client_credentials', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
      const reply = await requestTokens(app, { grant_type: type, username: LOGIN.T2, password: 'x', scope: 'openid' });
      assert.deepEqual([reply.status, reply.body['error']], [400, 'unsupported_grant_type'], type);
    }
  });
});

describe('access tokens', () => {
  it('work at UserInfo only as a bearer token, and an unknown one gets 401', async () => {
    const token = textIn(
      await redeem(app, await runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.T2 })),
      'access_token',
    );
    assert.equal((await userinfo(app, token)).status, 200);
    const refused = await userinfo(app, 'a'.repeat(43));
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
    const bare = await fetch(`${service.issuer}/me`);
    assert.equal(bare.status, 401);
    const inQuery = await fetch(`${service.issuer}/me?access_token=${token}`);
    assert.ok(inQuery.status >= 400, 'a token in a URL is logged (RFC 9700, section 4.3.2)');
  });
});
