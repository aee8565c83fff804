/** The modules of `oidcc-basic-certification-test-plan`, one test each, with the same steps. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { UnsecuredJWT, calculateJwkThumbprint, createRemoteJWKSet } from 'jose';
import { calculatePKCECodeChallenge } from 'openid-client';
import { z } from 'zod';

import {
  requestTokens,
  codeOf,
  errorOf,
  refresh,
  interactionOf,
  textIn,
  userinfo,
} from '../helpers/authorization-flow.ts';
import {
  authorize,
  checkTokens,
  fieldsFor,
  completeFlow,
  requestOf,
  signIn,
  startSuite,
  type Changes,
  type Suite,
} from '../helpers/conformance.ts';
import { SECOND } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';
import type { TestParty } from '../helpers/relying-party.ts';
import { address, email, phone, profile, sub } from '../helpers/standard-claims.ts';

const PLAN = 'oidcc-basic-certification-test-plan';
let suite: Suite;
let client: TestParty;
let client2: TestParty;
let poster: TestParty;

before(async () => {
  suite = await startSuite();
  client = await suite.party(PLAN, 'client');
  client2 = await suite.party(PLAN, 'client2');
  poster = await suite.party(PLAN, 'client_secret_post');
});
after(() => suite.stop());

/** Runs two flows in one browser, like the modules about prompts and sessions. */
async function passTwice(changes: (hint: string) => Changes, waitMs = 2 * SECOND) {
  const first = await completeFlow(client);
  suite.time.advance(waitMs);
  const second = await completeFlow(client, changes(textIn(first.tokens, 'id_token')), first.flow.httpBrowser);
  assert.equal(second.claims.sub, first.claims.sub);
  const authTimes = z.tuple([z.int(), z.int()]).parse([first.claims['auth_time'], second.claims['auth_time']]);
  return { first, second, later: authTimes[1] - authTimes[0], asked: interactionOf(second.flow.first) === 'login' };
}

/** Asserts an error redirect to the client, with its state and without a code. */
async function assertError(changes: Changes, ...allowed: string[]): Promise<void> {
  const { answer, sent } = await authorize(client, changes);
  assert.ok(allowed.includes(errorOf(answer) ?? ''), answer.leavesTo?.href ?? textOf(answer.body));
  assert.equal(answer.leavesTo?.searchParams.get('state'), sent.get('state'));
  assert.equal(answer.leavesTo.searchParams.get('iss'), suite.issuer);
  assert.equal(answer.leavesTo.searchParams.get('code'), null);
}

describe('response, ID token, UserInfo', () => {
  it('oidcc-server', async () => {
    const { claims, tokens } = await completeFlow(client);
    assert.equal(tokens.body['token_type'], 'Bearer');
    // No claim that was not requested.
    const usual = ['acr', 'amr', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub'];
    assert.deepEqual(Object.keys(claims).sort(), usual);
  });

  it('oidcc-response-type-missing', async () => {
    await assertError({ response_type: undefined }, 'invalid_request', 'unsupported_response_type');
  });

  it('oidcc-idtoken-signature', async () => {
    const { header } = await completeFlow(client);
    assert.equal(header.alg, 'RS256');
    const keys = createRemoteJWKSet(new URL(client.config.serverMetadata().jwks_uri ?? ''));
    assert.ok(header.kid);
    await keys({ ...header, alg: 'RS256' });
    const found = keys.jwks()?.keys.filter(({ kid }) => kid === header.kid) ?? [];
    assert.equal(found.length, 1);
    assert.ok(found[0]?.d === undefined && (await calculateJwkThumbprint(found[0] ?? { kty: '' })) !== '');
  });

  it('oidcc-idtoken-unsigned', () => {
    const algorithms = z.array(z.string()).parse(suite.metadata['id_token_signing_alg_values_supported']);
    assert.ok(algorithms.includes('RS256') && !algorithms.includes('none'));
  });

  const ask = async (token: string, init: RequestInit) => {
    const response = await fetch(client.config.serverMetadata().userinfo_endpoint ?? '', init);
    assert.deepEqual([response.status, token.length > 0], [200, true]);
    return sub.parse(await response.json());
  };
  const viaUserInfo = (init: (token: string) => RequestInit) => async () => {
    const { tokens, claims } = await completeFlow(client);
    const token = textIn(tokens, 'access_token');
    assert.equal((await ask(token, init(token))).sub, claims.sub);
  };

  it(
    'oidcc-userinfo-get',
    viaUserInfo((token) => ({ headers: { authorization: `Bearer ${token}` } })),
  );
  it(
    'oidcc-userinfo-post-header',
    viaUserInfo((token) => ({ method: 'POST', headers: { authorization: `Bearer ${token}` } })),
  );
  it(
    'oidcc-userinfo-post-body',
    viaUserInfo((token) => ({ method: 'POST', body: new URLSearchParams({ access_token: token }) })),
  );

  it('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async () => {
    const { claims } = await completeFlow(client, { nonce: undefined });
    assert.equal('nonce' in claims, false);
  });
});

describe('scopes and claims', () => {
  for (const [name, claims] of Object.entries({
    profile,
    email,
    address: z.object({ address }),
    phone,
  })) {
    it(`oidcc-scope-${name}`, async () => {
      const { user } = await completeFlow(client, { scope: `openid ${name}` });
      z.strictObject({ ...sub.shape, ...claims.shape }).parse(user);
    });
  }

  it('oidcc-scope-all', async () => {
    const { user } = await completeFlow(client, { scope: 'openid profile email address phone' });
    z.strictObject({ ...sub.shape, ...profile.shape, ...email.shape, ...phone.shape, address }).parse(user);
  });

  it('oidcc-ensure-other-scope-order-succeeds', async () => {
    const { user } = await completeFlow(client, { scope: 'email openid' });
    email.parse(user);
  });

  it('oidcc-claims-essential', async () => {
    const { user } = await completeFlow(client, {
      claims: JSON.stringify({ userinfo: { name: { essential: true } } }),
    });
    assert.deepEqual(Object.keys(user).sort(), ['name', 'sub']);
  });

  it('oidcc-claims-locales', async () => {
    await completeFlow(client, { claims_locales: 'se' });
  });
});

describe('the sign-in page and the session', () => {
  for (const display of ['page', 'popup']) {
    it(`oidcc-display-${display}`, async () => {
      const { flow } = await completeFlow(client, { display });
      assert.equal(interactionOf(flow.first), 'login');
    });
  }

  it('oidcc-prompt-login', async () => {
    const { asked, later } = await passTwice(() => ({ prompt: 'login' }));
    assert.deepEqual([asked, later], [true, 2]);
  });

  it('oidcc-prompt-none-not-logged-in', async () => {
    await assertError({ prompt: 'none' }, 'login_required', 'interaction_required');
  });

  it('oidcc-prompt-none-logged-in', async () => {
    const { asked, later } = await passTwice(() => ({ prompt: 'none' }));
    assert.deepEqual([asked, later], [false, 0]);
  });

  it('oidcc-max-age-1', async () => {
    const { asked, later } = await passTwice(() => ({ max_age: '1' }));
    assert.deepEqual([asked, later], [true, 2]);
  });

  it('oidcc-max-age-10000', async () => {
    const { asked, later } = await passTwice(() => ({ max_age: '10000' }));
    assert.deepEqual([asked, later], [false, 0]);
  });

  it('oidcc-id-token-hint', async () => {
    const { asked, later } = await passTwice((hint) => ({ prompt: 'none', id_token_hint: hint }));
    assert.deepEqual([asked, later], [false, 0]);
  });

  it('oidcc-login-hint', async () => {
    const { flow } = await completeFlow(client, { login_hint: 'buffy@localhost' });
    assert.match(flow.first.body, /<input[^>]*name="login"[^>]*value="buffy@localhost"/);
  });

  it('oidcc-ui-locales', async () => {
    await completeFlow(client, { ui_locales: 'se' });
    const { flow } = await completeFlow(client, { ui_locales: 'se zh-TW' });
    assert.match(flow.first.body, /<html[^>]*lang="zh-TW"/);
  });

  it('oidcc-ensure-request-with-acr-values-succeeds', async () => {
    await completeFlow(client, { acr_values: '1 2' });
    const [ours = ''] = z.array(z.string()).parse(suite.metadata['acr_values_supported']);
    assert.equal((await completeFlow(client, { acr_values: ours })).claims['acr'], ours);
  });
});

describe('requests', () => {
  it('oidcc-ensure-request-with-unknown-parameter-succeeds', async () => {
    await completeFlow(client, { extra: 'foobar' });
  });

  it('oidcc-ensure-registered-redirect-uri', async () => {
    const { answer } = await authorize(client, { redirect_uri: `${client.redirectUri}/not-registered` });
    assert.deepEqual([answer.status, answer.leavesTo], [400, undefined]);
    assert.match(textOf(answer.body), /You can't sign in from this app/);
  });

  it('oidcc-ensure-post-request-succeeds', async () => {
    const url = await requestOf(client);
    const httpBrowser = createHttpBrowser(suite.issuer, 'en-US');
    const elsewhere = { origin: 'https://suite.example', 'sec-fetch-site': 'cross-site' };
    const page = await httpBrowser.post(url.pathname, url.searchParams, elsewhere);
    assert.equal(interactionOf(page), 'login');
    const tokens = await requestTokens(client, fieldsFor(client, codeOf(await signIn(httpBrowser, page))));
    await checkTokens(client, tokens, url.searchParams.get('nonce') ?? '');
  });

  it('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported', async () => {
    assert.equal(suite.metadata['request_uri_parameter_supported'], false);
    await assertError({ request_uri: 'https://suite.example/request.jwt' }, 'request_uri_not_supported');
  });

  const byValue = async (): Promise<Changes> => {
    const inside = Object.fromEntries((await requestOf(client)).searchParams);
    return { request: new UnsecuredJWT(inside).encode() };
  };

  it('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', async () => {
    assert.notEqual(suite.metadata['request_parameter_supported'], true);
    await assertError(await byValue(), 'request_not_supported');
  });

  it('oidcc-ensure-request-object-with-redirect-uri', async () => {
    // Only the redirect URI in the object is registered: a server that ignores the object must not redirect.
    const { answer } = await authorize(client, { ...(await byValue()), redirect_uri: 'https://suite.example/other' });
    assert.deepEqual([answer.status, answer.leavesTo], [400, undefined]);
    await assertError(await byValue(), 'request_not_supported');
  });

  it('oidcc-ensure-request-with-valid-pkce-succeeds', async () => {
    const verifier = 'v'.repeat(50);
    const code_challenge = await calculatePKCECodeChallenge(verifier);
    const changes = { code_challenge, code_challenge_method: 'S256' };
    const { answer, sent } = await authorize(client, changes);
    const fields = { ...fieldsFor(client, codeOf(answer)), code_verifier: verifier };
    await checkTokens(client, await requestTokens(client, fields), sent.get('nonce') ?? '');
  });
});

describe('codes, secrets, refresh tokens', () => {
  it('oidcc-codereuse', async () => {
    const { code } = await completeFlow(client);
    const again = await requestTokens(client, fieldsFor(client, code));
    assert.deepEqual([again.status, again.body['error']], [400, 'invalid_grant']);
  });

  it('oidcc-codereuse-30seconds', async () => {
    const { code, tokens } = await completeFlow(client);
    suite.time.advance(30 * SECOND);
    const again = await requestTokens(client, fieldsFor(client, code));
    assert.deepEqual([again.status, again.body['error']], [400, 'invalid_grant']);
    assert.equal((await userinfo(client, textIn(tokens, 'access_token'))).status, 401);
  });

  it('oidcc-server-client-secret-post', async () => {
    const { answer, sent } = await authorize(poster);
    const body = { ...fieldsFor(poster, codeOf(answer)), client_id: poster.id, client_secret: poster.secret ?? '' };
    const tokens = await requestTokens({ ...poster, secret: undefined }, body);
    await checkTokens(poster, tokens, sent.get('nonce') ?? '');
  });

  it('oidcc-refresh-token', async () => {
    const offline = { scope: 'openid offline_access', prompt: 'consent' };
    const renew = async (party: TestParty): Promise<string> => {
      const { tokens, claims } = await completeFlow(party, offline);
      suite.time.advance(SECOND);
      const renewed = await refresh(party, textIn(tokens, 'refresh_token'));
      const next = await checkTokens(party, renewed, undefined);
      for (const same of ['iss', 'sub', 'aud', 'auth_time']) assert.deepEqual(next.claims[same], claims[same], same);
      assert.ok((next.claims.iat ?? 0) > (claims.iat ?? Infinity));
      assert.equal((await userinfo(party, textIn(renewed, 'access_token'))).body['sub'], claims.sub);
      return textIn(renewed, 'refresh_token');
    };
    await renew(client);
    const foreign = await renew(client2);
    const stolen = await refresh(client, foreign);
    assert.deepEqual([stolen.status, stolen.body['error']], [400, 'invalid_grant']);
  });
});
