/**
 * The modules of `fapi2-security-profile-final-test-plan` (private_key_jwt, DPoP, plain FAPI, OpenID Connect), one test each. The titles
 * omit the common prefix of the modules.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';

import * as openid from 'openid-client';
import { z } from 'zod';

import { TEST_PERSON_ID } from '../../src/oidc/conformance/test-person.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { revokeGrants, listGrantsByPerson } from '../../src/store/oidc/grants.ts';
import { codeOf, errorOf, textIn } from '../helpers/authorization-flow.ts';
import { startSuite, type Changes, type Suite } from '../helpers/conformance.ts';
import { newProofKey } from '../helpers/dpop.ts';
import {
  accessTokenIn,
  assertError,
  createFapiClient,
  hashOf,
  requestUriOf,
  type FapiClient,
} from '../helpers/fapi.ts';
import { MINUTE, SECOND } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';

let suite: Suite;
let client: FapiClient;
let client2: FapiClient;

before(async () => {
  suite = await startSuite();
  client = await createFapiClient(suite, 'client');
  client2 = await createFapiClient(suite, 'client2');
});
after(() => suite.stop());

const now = (): number => Math.floor(Date.now() / 1000);

/** Asserts an error page without a redirect: no redirect URI is trusted. */
function assertStays(answer: Answer): void {
  assert.deepEqual([answer.status, answer.leavesTo], [400, undefined]);
  assert.match(textOf(answer.body), /You can't sign in from this app/);
}

describe('valid requests', () => {
  it('happy-flow: both clients get tokens that work only with their own key', async () => {
    for (const [one, other] of [
      [client, client2],
      [client2, client],
    ] as const) {
      const token = accessTokenIn(await one.redeem(await one.code()));
      const url = z.string().parse(suite.metadata['userinfo_endpoint']);
      const claims = { ath: hashOf(token) };
      assert.equal((await one.userinfo(token, await one.proof('GET', url, { claims }))).status, 200);
      assert.equal((await one.userinfo(token, await other.proof('GET', url, { claims }))).status, 401);
    }
  });

  it('access-token-type-header-case-sensitivity, ensure-dpopproof-with-iat-10seconds-before/after-succeeds', async () => {
    const token = accessTokenIn(await client.redeem(await client.code()));
    const url = z.string().parse(suite.metadata['userinfo_endpoint']);
    for (const shift of [-10, 0, 10]) {
      const proof = await client.proof('GET', url, { claims: { ath: hashOf(token), iat: now() + shift } });
      assert.equal((await client.userinfo(token, proof, 'dPoP')).status, 200, String(shift));
    }
  });

  it('refresh-token: not rotated, valid again after 30 seconds, bound to key and client', async () => {
    const scope = { scope: 'openid offline_access', prompt: 'consent' };
    const refreshToken = textIn(await client.redeem(await client.code(scope)), 'refresh_token');
    const fields = { grant_type: 'refresh_token', refresh_token: refreshToken };
    for (let use = 0; use < 2; use += 1) {
      const renewed = await client.token(fields);
      assert.equal(
        textIn(renewed, 'refresh_token'),
        refreshToken,
        'FAPI 2.0 Security Profile, section 5.3.2.1, rule 9',
      );
      suite.time.advance(30 * SECOND);
    }
    assertError(await client.token(fields, { proof: undefined }), 'invalid_grant');
    assertError(await client2.token(fields), 'invalid_grant');
    assertError(await client.token(fields, { assertion: undefined }), 'invalid_client', 401);
  });

  it('refresh-token: rejected if its grant is revoked while the request is in progress', async () => {
    const scope = { scope: 'openid offline_access', prompt: 'consent' };
    const fields = {
      grant_type: 'refresh_token',
      refresh_token: textIn(await client.redeem(await client.code(scope)), 'refresh_token'),
    };
    const { store } = suite.service.container;
    const original = store.write.bind(store);
    // The second write stores the identifier of the DPoP proof: the grant was read before it.
    const ending = mock.method(store, 'write', async (work: (tx: Transaction) => Promise<unknown>) => {
      if (ending.mock.callCount() === 2) {
        ending.mock.restore();
        const grants = await store.read((tx) => listGrantsByPerson(tx, TEST_PERSON_ID));
        await store.write((tx) =>
          revokeGrants(
            tx,
            grants.map(({ grantHash }) => grantHash),
          ),
        );
      }
      return original(work);
    });
    assertError(await client.token(fields), 'invalid_grant');
  });
});

describe('pushed requests', () => {
  it('ensure-unsigned-authorization-request-without-using-par-fails', async () => {
    const request = { response_type: 'code', scope: 'openid', redirect_uri: client.redirectUri, state: 'x' };
    const url = new URL(`${suite.issuer}/auth`);
    const pkce = { code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' };
    url.search = new URLSearchParams({ client_id: client.id, ...request, ...pkce }).toString();
    const answer = await createHttpBrowser(suite.issuer, 'en-US').open(url.href);
    assert.equal(errorOf(answer), 'invalid_request');
    assert.equal(answer.leavesTo?.searchParams.get('iss'), suite.issuer);
  });

  const wrong: Record<string, [Changes, string]> = {
    'par-ensure-pkce-required': [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    'par-plain-pkce-rejected': [{ code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request'],
    'par-authorization-request-containing-request_uri-form-param': [
      { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
      'request_uri_not_supported',
    ],
    'ensure-request-object-without-redirect-uri-fails': [{ redirect_uri: undefined }, 'invalid_request'],
    'plain-fapi-tolerate-unregistered-redirect-uri (it is not tolerated)': [
      { redirect_uri: 'https://suite.example/callback' },
      'invalid_request',
    ],
    'ensure-response-type-code-idtoken-fails': [{ response_type: 'code id_token' }, 'unsupported_response_type'],
    'ensure-response-type-token-fails': [{ response_type: 'token' }, 'unsupported_response_type'],
    'a redirect URI with http': [{ redirect_uri: 'http://suite.example/callback' }, 'invalid_request'],
  };
  for (const [name, [changes, error]] of Object.entries(wrong)) {
    it(name, async () => {
      assertError(await client.push(changes), error);
    });
  }

  it('par-attempt-invalid-http-method', async () => {
    const url = z.string().parse(suite.metadata['pushed_authorization_request_endpoint']);
    for (const method of ['GET', 'PUT']) assert.ok((await fetch(url, { method })).status >= 400, method);
  });

  it('par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, par-attempt-reuse-request_uri', async () => {
    const requestUri = requestUriOf(await client.push());
    const url = `/auth?${new URLSearchParams({ client_id: client.id, request_uri: requestUri }).toString()}`;
    await createHttpBrowser(suite.issuer).open(url);
    codeOf(await client.open(requestUri));
    assertStays(await client.open(requestUri));
  });

  it('par-attempt-to-use-expired-request_uri', async () => {
    const pushed = await client.push();
    suite.time.advance((z.int().max(600).parse(pushed.body['expires_in']) + 1) * SECOND);
    assertStays(await client.open(requestUriOf(pushed)));
  });

  it('par-attempt-to-use-request_uri-for-different-client', async () => {
    assertStays(await client.open(requestUriOf(await client.push()), { client_id: client2.id }));
  });

  it('ensure-different-state-inside-and-outside-request-object, state-only-outside-request-object-not-used', async () => {
    const inside = await client.open(requestUriOf(await client.push({ state: 'inside' })), { state: 'outside' });
    assert.equal(inside.leavesTo?.searchParams.get('state'), 'inside');
    const none = await client.open(requestUriOf(await client.push({ state: undefined })), { state: 'outside' });
    assert.equal(none.leavesTo?.searchParams.get('state'), null);
  });

  it('user-rejects-authentication', async () => {
    const httpBrowser = createHttpBrowser(suite.issuer, 'en-US');
    const request = new URLSearchParams({ client_id: client2.id, request_uri: requestUriOf(await client2.push()) });
    const page = await httpBrowser.open(`/auth?${request.toString()}`);
    const answer = await httpBrowser.post(/action="([^"]*\/cancel)"/.exec(page.body)?.[1] ?? '', '');
    assert.equal(errorOf(answer), 'access_denied');
    assert.equal(answer.leavesTo?.searchParams.get('dummy1'), 'lorem');
  });
});

describe('codes', () => {
  it('ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected', async () => {
    for (const code_verifier of [undefined, 'w'.repeat(64)]) {
      assertError(await client.redeem(await client.code(), { code_verifier }), 'invalid_grant');
    }
  });

  it('ensure-authorization-code-is-bound-to-client', async () => {
    const code = await client.code();
    assertError(await client2.redeem(code, { redirect_uri: client.redirectUri }), 'invalid_grant');
  });

  it('attempt-reuse-authorization-code-after-one-second: revokes the tokens of the first use', async () => {
    const code = await client.code();
    const token = accessTokenIn(await client.redeem(code));
    suite.time.advance(SECOND);
    assertError(await client.redeem(code), 'invalid_grant');
    const url = z.string().parse(suite.metadata['userinfo_endpoint']);
    const proof = await client.proof('GET', url, { claims: { ath: hashOf(token) } });
    assert.equal((await client.userinfo(token, proof)).status, 401);
  });

  it('ensure-token-endpoint-fails-with-expired-auth-code', async () => {
    const code = await client.code();
    suite.time.advance(62 * SECOND);
    assertError(await client.redeem(code), 'invalid_grant');
  });
});

describe('proof of possession', () => {
  const at = (endpoint: string): string => z.string().parse(suite.metadata[`${endpoint}_endpoint`]);
  const PAR = 'pushed_authorization_request';

  it('ensure-holder-of-key-required', async () => {
    const reply = await client.redeem(await client.code(), {}, { proof: undefined });
    assertError(reply, 'invalid_grant');
  });

  it('ensure-mismatched-dpop-jkt-fails', async () => {
    const { thumbprint } = await newProofKey();
    const reply = await client.push({ dpop_jkt: thumbprint }, { proof: await client.proof('POST', at(PAR)) });
    assert.equal(reply.status, 400);
    assert.match(String(reply.body['error']), /^invalid_(request|dpop_proof)$/);
  });

  it('ensure-token-endpoint-fails-with-mismatched-dpop-jkt', async () => {
    const { thumbprint } = await newProofKey();
    assertError(await client.redeem(await client.code({ dpop_jkt: thumbprint })), 'invalid_grant');
    const bound = await client.code({ dpop_jkt: client.proofKey.thumbprint });
    accessTokenIn(await client.redeem(bound));
  });

  it('ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt', async () => {
    const other = await newProofKey();
    const proof = await client.proof('POST', at(PAR), { key: other });
    assertError(await client.redeem(await client.code({}, { proof })), 'invalid_grant');
  });

  it('dpop-negative-tests: UserInfo rejects invalid proofs, then accepts a valid one', async () => {
    const token = accessTokenIn(await client.redeem(await client.code()));
    const [url, ath] = [at('userinfo'), hashOf(token)];
    const prove = (claims: Record<string, unknown>, header = {}) =>
      client.proof('GET', url, { claims: { ath, ...claims }, header });
    const once = await prove({});
    assert.equal((await client.userinfo(token, once)).status, 200);
    const wrong: Record<string, string | undefined> = {
      none: undefined,
      replayed: once,
      'another method': await prove({ htm: 'POST' }),
      'another address': await prove({ htu: `${url}/other` }),
      'no ath': await prove({ ath: undefined }),
      'the ath of another token': await prove({ ath: hashOf('other') }),
      'no jti': await prove({ jti: undefined }),
      'no iat': await prove({ iat: undefined }),
      'an old iat': await prove({ iat: now() - (10 * MINUTE) / SECOND }),
      'another typ': await prove({}, { typ: 'JWT' }),
      'another key in the header': await prove({}, { jwk: (await newProofKey()).jwk }),
    };
    for (const [what, proof] of Object.entries(wrong)) {
      const refused = await client.userinfo(token, proof);
      assert.equal(refused.status, proof === undefined ? 400 : 401, what);
      assert.match(refused.headers.get('www-authenticate') ?? '', /^DPoP .*error=/, what);
    }
    assert.equal((await client.userinfo(token, await prove({}), 'Bearer')).status, 400, 'as a bearer token');
    assert.equal((await client.userinfo(token, await prove({}))).status, 200);
  });
});

describe('the issuer in the response (RFC 9207)', () => {
  it('is present, and a certified client rejects responses with a missing or different one', async () => {
    assert.equal(suite.metadata['authorization_response_iss_parameter_supported'], true);
    const config = await openid.discovery(new URL(suite.issuer), client.id);
    for (const iss of [undefined, 'https://suite.example']) {
      const { leavesTo } = await client.open(requestUriOf(await client.push({ state: 'x' })));
      assert.equal(leavesTo?.searchParams.get('iss'), suite.issuer);
      if (iss === undefined) leavesTo.searchParams.delete('iss');
      else leavesTo.searchParams.set('iss', iss);
      const grant = openid.authorizationCodeGrant(config, leavesTo, { expectedState: 'x' });
      await assert.rejects(grant, ({ cause }: Error) => cause instanceof Error && cause.message.includes('"iss"'));
    }
  });
});
