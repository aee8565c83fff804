/** Client authentication, acr, authorization responses and registrations. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT, type GenerateKeyPairResult, type JWK } from 'jose';
import * as client from 'openid-client';

import {
  requestTokens,
  codeOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  interactionOf,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, type Answer } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const ACR = 'urn:kinpass:aal1';
const UNKNOWN_ACR = 'urn:example:two-factors';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const secret = newSecret();
let service: TestService;
let signer: TestParty;
let app: TestParty;
let key: GenerateKeyPairResult;
let nextKey: GenerateKeyPairResult;
let strangeKey: GenerateKeyPairResult;

const publicHalf = async ({ publicKey }: GenerateKeyPairResult, kid: string): Promise<JWK> => ({
  ...(await exportJWK(publicKey)),
  kid,
  use: 'sig',
  alg: 'ES256',
});

before(async () => {
  [key, nextKey, strangeKey] = [
    await generateKeyPair('ES256'),
    await generateKeyPair('ES256'),
    await generateKeyPair('ES256'),
  ];
  service = await startService({
    clients: [
      createRegistration('signer', secret, {
        scopes: ['openid', 'profile', 'offline_access'],
        token_endpoint_auth_method: 'private_key_jwt',
        client_secret_sha256: [],
        jwks: { keys: [await publicHalf(key, 'one'), await publicHalf(nextKey, 'two')] },
      }),
      createRegistration('app', secret, {
        scopes: ['openid'],
        initiate_login_uri: 'https://app.example/sign-in',
      }),
    ],
  });
  const auth = client.PrivateKeyJwt({ key: key.privateKey, kid: 'one' });
  signer = await createParty(service.issuer, { id: 'signer', scope: 'openid profile', auth });
  app = await createParty(service.issuer, { id: 'app', scope: 'openid', secret });
});
after(() => service.stop());

const now = (): number => Math.floor(Date.now() / 1000);

function assertion(claims: Record<string, unknown> = {}, by = key, kid = 'one'): Promise<string> {
  const payload = { iss: 'signer', sub: 'signer', aud: service.issuer, jti: randomUUID(), iat: now(), exp: now() + 60 };
  return new SignJWT({ ...payload, ...claims }).setProtectedHeader({ alg: 'ES256', kid }).sign(by.privateKey);
}

/** Signs in and redeems the code with this assertion. */
async function redeemWith(assertions: readonly (string | undefined)[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const one of assertions) {
    const { answer, verifier } = await runAuthorization(signer, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
    replies.push(
      await requestTokens(signer, {
        grant_type: 'authorization_code',
        code: codeOf(answer),
        redirect_uri: signer.redirectUri,
        code_verifier: verifier,
        ...(one === undefined ? {} : { client_assertion: one, client_assertion_type: ASSERTION }),
      }),
    );
  }
  return replies;
}

describe('a private_key_jwt client (OpenID Connect Core 1.0, section 9)', () => {
  it('gets, refreshes and revokes tokens with an independent client library', async () => {
    const parameters = { scope: 'openid profile offline_access', prompt: 'consent' };
    const entered = await runAuthorization(signer, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters });
    const tokens = await entered.finish(entered.answer);
    const next = await client.refreshTokenGrant(signer.config, tokens.refresh_token ?? '');
    assert.equal(next.claims()?.sub, tokens.claims()?.sub);
    await client.tokenRevocation(signer.config, next.refresh_token ?? '');
    await assert.rejects(client.refreshTokenGrant(signer.config, next.refresh_token ?? ''), { error: 'invalid_grant' });
  });

  it('may use each of its registered keys', async () => {
    const [one, two] = await redeemWith([await assertion(), await assertion({}, nextKey, 'two')]);
    assert.deepEqual([one?.status, two?.status], [200, 200]);
  });

  it('may use the token endpoint as the audience (RFC 7523, section 3)', async () => {
    const [reply] = await redeemWith([await assertion({ aud: `${service.issuer}/token` })]);
    assert.equal(reply?.status, 200);
  });

  it('may use the requested address as the audience, as it was spelled', async () => {
    for (const [path, aud, error] of [
      ['/token', '/token/', 'invalid_client'],
      ['/token/', '/token', 'invalid_grant'],
      ['/token/', '/token/', 'invalid_grant'],
      ['/token/', '/request/', 'invalid_client'],
      ['/token/revocation/', '/token/revocation/', undefined],
    ] as const) {
      const fields = {
        grant_type: 'refresh_token',
        refresh_token: 'invented',
        token: 'invented',
        client_assertion: await assertion({ aud: service.issuer + aud }),
        client_assertion_type: ASSERTION,
      };
      const response = await fetch(service.issuer + path, { method: 'POST', body: new URLSearchParams(fields) });
      const [, found] = /"error":"(\w+)"/.exec(await response.text()) ?? [];
      assert.equal(found, error, `${path} ${aud}`);
    }
  });

  const wrong: Record<string, () => Promise<string>> = {
    'an unregistered key': () => assertion({}, strangeKey),
    'the audience of another issuer': () => assertion({ aud: 'https://other.example' }),
    'no audience': () => assertion({ aud: undefined }),
    'another issuer': () => assertion({ iss: 'app' }),
    'another subject': () => assertion({ sub: 'app' }),
    'an end that has passed': () => assertion({ iat: now() - 600, exp: now() - 300 }),
    'no end': () => assertion({ exp: undefined }),
    'an end years away': () => assertion({ exp: now() + 400 * 86_400 }),
    'an end beyond all numbers': () => assertion({ exp: 1e300 }),
    'a beginning in the future': () => assertion({ nbf: now() + 600 }),
    'no number of its own (jti)': () => assertion({ jti: undefined }),
    'no signature': () => {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const claims = { iss: 'signer', sub: 'signer', aud: service.issuer, jti: randomUUID(), exp: now() + 60 };
      return Promise.resolve(`${part({ alg: 'none' })}.${part(claims)}.`);
    },
    'a signature made with its public key as a secret': async () =>
      new SignJWT({ iss: 'signer', sub: 'signer', aud: service.issuer, jti: randomUUID() })
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(Buffer.from(JSON.stringify(await publicHalf(key, 'one')))),
  };
  for (const [what, make] of Object.entries(wrong)) {
    it(`is rejected with ${what} (RFC 7523, section 3)`, async () => {
      const [reply] = await redeemWith([await make()]);
      assert.ok(reply);
      assert.ok([400, 401].includes(reply.status), String(reply.status));
      assert.match(String(reply.body['error']), /^invalid_(client|request)$/);
      assert.equal(reply.body['access_token'], undefined);
    });
  }

  it('is rejected without an assertion, and with a secret instead', async () => {
    const [bare] = await redeemWith([undefined]);
    assert.deepEqual([bare?.status, bare?.body['error']], [401, 'invalid_client']);
    const reply = await requestTokens({ ...signer, secret }, { grant_type: 'refresh_token', refresh_token: 'x' });
    assert.deepEqual([reply.status, reply.body['error']], [401, 'invalid_client']);
  });

  it('is rejected with a replayed assertion, also at the same moment', async () => {
    const once = await assertion();
    const [first, second] = await redeemWith([once, once]);
    assert.deepEqual([first?.status, second?.status], [200, 401]);
    const same = await assertion();
    const fields = { client_assertion: same, client_assertion_type: ASSERTION };
    const replies = await Promise.all(
      Array.from({ length: 6 }, () =>
        requestTokens(signer, { grant_type: 'refresh_token', refresh_token: 'invented', ...fields }),
      ),
    );
    // A request with an accepted assertion gets the error of the unknown token.
    assert.equal(replies.filter(({ body }) => body['error'] === 'invalid_grant').length, 1);
    assert.equal(replies.filter(({ body }) => body['error'] === 'invalid_client').length, 5);
  });
});

describe('acr', () => {
  const askFor = async (parameters: Record<string, string>, party = app): Promise<Answer> =>
    (await runAuthorization(party, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters })).answer;
  const essential = (acr: object): Record<string, string> => ({
    claims: JSON.stringify({ id_token: { acr: { essential: true, ...acr } } }),
  });

  it('is in discovery, and in the ID token for any acr_values (Core, section 3.1.2.1)', async () => {
    assert.deepEqual(app.config.serverMetadata().acr_values_supported, [ACR, 'urn:kinpass:aal2']);
    for (const values of [ACR, UNKNOWN_ACR, `${UNKNOWN_ACR} ${ACR}`]) {
      const parameters = { acr_values: values };
      const entered = await runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters });
      assert.equal(idClaims(await entered.finish(entered.answer))['acr'], ACR, values);
    }
  });

  it('that is essential and supported is returned', async () => {
    assert.ok(codeOf(await askFor(essential({ value: ACR }))));
    assert.ok(codeOf(await askFor(essential({ values: [UNKNOWN_ACR, ACR] }))));
    assert.ok(codeOf(await askFor(essential({}))), 'any');
  });

  it('that is essential and unsupported fails before the sign-in (Core, section 5.5.1.1)', async () => {
    for (const acr of [{ value: UNKNOWN_ACR }, { values: [UNKNOWN_ACR, 'urn:example:three'] }]) {
      const answer = await askFor(essential(acr));
      assert.equal(errorOf(answer), 'unmet_authentication_requirements');
      assert.equal(answer.leavesTo?.searchParams.get('iss'), service.issuer);
      assert.equal(errorOf(await askFor({ ...essential(acr), prompt: 'none' })), 'unmet_authentication_requirements');
    }
  });

  it('that is requested as voluntary and unsupported does not fail the request', async () => {
    const claims = JSON.stringify({ id_token: { acr: { value: UNKNOWN_ACR } } });
    assert.ok(codeOf(await askFor({ claims })));
  });
});

describe('an authorization response', () => {
  it('has iss with every error too (RFC 9207, section 2)', async () => {
    for (const parameters of [
      { prompt: 'none' },
      { scope: 'openid email' },
      { response_type: 'token' },
      { claims: 'no json' },
      { code_challenge_method: 'plain' },
    ] as Record<string, string>[]) {
      const { answer } = await runAuthorization(app, createHttpBrowser(service.issuer), { parameters });
      assert.ok(errorOf(answer) ?? answer.leavesTo?.hash, JSON.stringify(parameters));
      const sent = new URLSearchParams(
        `${answer.leavesTo?.search.slice(1) ?? ''}&${answer.leavesTo?.hash.slice(1) ?? ''}`,
      );
      assert.equal(sent.get('iss'), service.issuer, JSON.stringify(parameters));
    }
  });

  it('with another issuer is rejected by the client library (mix-up)', async () => {
    const entered = await runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
    entered.answer.leavesTo?.searchParams.set('iss', 'https://evil.example');
    await assert.rejects(entered.finish(entered.answer), (error) => {
      assert.match(error instanceof Error ? String(error.cause) : '', /unexpected "iss"/);
      return true;
    });
  });
});

describe('a registration', () => {
  const start = (more: object): Promise<unknown> =>
    startService({ city: false, clients: [createRegistration('some-app', secret, { scopes: ['openid'], ...more })] });

  it('with initiate_login_uri is accepted (Core, section 4)', async () => {
    const { answer } = await runAuthorization(app, createHttpBrowser(service.issuer));
    assert.equal(interactionOf(answer), 'login');
  });

  for (const [what, more, line] of [
    ['initiate_login_uri without https', { initiate_login_uri: 'http://some-app.example/' }, /initiate_login_uri/],
    [
      'a private key instead of a public one',
      async () => ({
        token_endpoint_auth_method: 'private_key_jwt',
        client_secret_sha256: [],
        jwks: { keys: [await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)] },
      }),
      /JSON Web Key Set/,
    ],
    [
      'redirect URIs on two hosts and no sector_identifier_uri',
      { redirect_uris: ['https://one.example/cb', 'https://two.example/cb'] },
      /sector_identifier_uri/,
    ],
  ] as const) {
    it(`with ${what} stops the start with an error that names client and field`, async () => {
      await assert.rejects(start(typeof more === 'function' ? await more() : more), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /clients(\[0\])? \(some-app\): /);
        assert.match(error.message, line);
        assert.equal(error.message.includes('\n'), false);
        return true;
      });
    });
  }

  it('of an API with a scope of another meaning stops the start', async () => {
    const api = (name: string, scope: string): object => ({
      identifier: `https://${name}.example/`,
      scopes: { [scope]: '看' },
    });
    for (const [resourceServers, owner] of [
      [[api('one', 'read'), api('two', 'read')], 'https://one.example/'],
      [[api('two', 'profile')], 'the service itself'],
    ] as const) {
      await assert.rejects(startService({ city: false, clients: [], resourceServers }), (error) => {
        assert.match(
          String(error),
          /resource_servers\[[01]\] \(https:\/\/two\.example\/\): scopes\.(read|profile): belongs to /,
        );
        assert.ok(String(error).endsWith(owner));
        return true;
      });
    }
  });
});
