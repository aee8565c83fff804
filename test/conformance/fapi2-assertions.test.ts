/** The invalid client assertions of `fapi2-security-profile-final-test-plan`, named after its modules and cases. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startSuite, type Suite } from '../helpers/conformance.ts';
import {
  accessTokenIn,
  assertError,
  createFapiClient,
  requestUriOf,
  type Claims,
  type FapiClient,
} from '../helpers/fapi.ts';

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

/** The fault of an assertion, and its error if that is not `invalid_client`. */
interface Wrong {
  claims?: Claims;
  alg?: string;
  error?: 'invalid_request';
}

const WRONG: Record<string, () => Wrong> = {
  'ensure-client-assertion-with-wrong-aud-fails': () => ({ claims: { aud: 'https://suite.example' } }),
  'ensure-client-assertion-with-exp-is-5-minutes-in-past-fails': () => ({
    claims: { iat: now() - 600, nbf: now() - 600, exp: now() - 300 },
  }),
  'ensure-client-assertion-with-no-sub-fails': () => ({ claims: { sub: undefined } }),
  'ensure-signed-client-assertion-with-RS256-fails': () => ({ alg: 'RS256' }),
  'wrong sub': () => ({ claims: { sub: 'another-issuer' }, error: 'invalid_request' }),
  'no iss': () => ({ claims: { iss: undefined } }),
  'wrong iss': () => ({ claims: { iss: 'conformance-fapi-2' } }),
  'no aud': () => ({ claims: { aud: undefined } }),
  'the token endpoint as aud': () => ({ claims: { aud: suite.metadata['token_endpoint'] } }),
  'the PAR endpoint as aud': () => ({ claims: { aud: suite.metadata['pushed_authorization_request_endpoint'] } }),
  'a list with the issuer as aud': () => ({ claims: { aud: [suite.issuer, 'https://suite.example'] } }),
  'no jti': () => ({ claims: { jti: undefined } }),
  'no exp': () => ({ claims: { exp: undefined } }),
  'iat and nbf over 60 seconds in the future': () => ({
    claims: { iat: now() + 65, nbf: now() + 65, exp: now() + 90 },
  }),
};

describe('ensure-invalid-client-assertions-fail', () => {
  for (const [name, make] of Object.entries(WRONG)) {
    it(`${name}: rejected at both endpoints, and the code stays valid`, async () => {
      const code = await client.code();
      const { claims, alg, error = 'invalid_client' } = make();
      const status = error === 'invalid_client' ? 401 : 400;
      assertError(await client.push({}, { assertion: await client.assertion(claims, alg) }), error, status);
      assertError(await client.redeem(code, {}, { assertion: await client.assertion(claims, alg) }), error, status);
      accessTokenIn(await client.redeem(code));
    });
  }

  it('alg none and an invalid signature are rejected', async () => {
    const [header = '', payload = '', signature = ''] = (await client.assertion()).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    const other = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const assertion of [`${none}.${payload}.`, `${header}.${payload}.${other}`]) {
      assertError(await client.push({}, { assertion }), 'invalid_client', 401);
    }
    requestUriOf(await client.push({}, { assertion: `${header}.${payload}.${signature}` }));
  });

  it('a missing or wrong client_assertion_type is rejected', async () => {
    for (const client_assertion_type of [undefined, 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer']) {
      const { status, body } = await client.push({ client_assertion_type });
      assert.ok([400, 401].includes(status));
      assert.match(String(body['error']), /^invalid_(client|request)$/);
    }
  });

  it('iat and nbf 8 seconds in the future: accepted', async () => {
    const assertion = await client.assertion({ iat: now() + 8, nbf: now() + 8, exp: now() + 68 });
    requestUriOf(await client.push({}, { assertion }));
  });

  it('a replayed assertion is rejected (RFC 7523, section 3, rule 7)', async () => {
    const assertion = await client.assertion();
    requestUriOf(await client.push({}, { assertion }));
    assertError(await client.push({}, { assertion }), 'invalid_client', 401);
  });
});

describe('client authentication at the token endpoint', () => {
  it('ensure-client-id-in-token-endpoint', async () => {
    const code = await client.code();
    assertError(await client.redeem(code, { client_id: client2.id }), 'invalid_request');
    const foreign = await client2.assertion({ iss: client.id, sub: client.id });
    assertError(await client.redeem(code, {}, { assertion: foreign }), 'invalid_client', 401);
    accessTokenIn(await client.redeem(code));
  });

  it('ensure-client-assertion-in-token-endpoint', async () => {
    const code = await client.code();
    assertError(await client.redeem(code, {}, { assertion: undefined }), 'invalid_client', 401);
    accessTokenIn(await client.redeem(code));
  });
});
