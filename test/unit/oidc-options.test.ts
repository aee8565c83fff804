/** Option functions of the provider: lifetimes, client metadata, assertions, FAPI 2.0, APIs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';

import { resourceServerSchema } from '../../src/config/resource-servers.ts';
import type { FindAccount } from '../../src/oidc/contexts/account.ts';
import { createAssertionCheck } from '../../src/oidc/options/client-auth.ts';
import { toMetadata } from '../../src/oidc/options/clients.ts';
import { enforceFapi, isFapi } from '../../src/oidc/options/fapi.ts';
import { createPkce } from '../../src/oidc/options/pkce.ts';
import { rotateRefreshToken } from '../../src/oidc/options/refresh-rotation.ts';
import { createResourceFeatures, createTokenClaims } from '../../src/oidc/options/resources.ts';
import { createTtl } from '../../src/oidc/options/ttl.ts';
import { limitRefreshes } from '../../src/oidc/request-limits.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createClientRegistry } from '../../src/services/access/client-registry.ts';
import { NO_STORED_CLIENTS, testClient, TEST_ISSUER, TEST_NOW } from '../helpers/services.ts';

const NOW_SECONDS = TEST_NOW / 1000;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const API = 'https://api.example/grades';
const FAPI = {
  token_endpoint_auth_method: 'private_key_jwt',
  client_secret_sha256: [],
  jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] },
  require_pushed_authorization_requests: true,
  dpop_bound_access_tokens: true,
};
const clients = createClientRegistry(
  {
    clients: [
      testClient('app', { resources: [API] }),
      testClient('fapi', FAPI),
      testClient('api', { introspects: API }),
    ],
    resourceServers: [
      resourceServerSchema.parse({
        identifier: API,
        scopes: { read: 'Read', write: 'Write' },
        access_token_minutes: 3,
      }),
    ],
  },
  TEST_ISSUER,
  createI18n(new URL('../../config/locales', import.meta.url).pathname),
  NO_STORED_CLIENTS,
);

/** The part of the provider's context that the options read. */
const contextWith = (oidc: object): KoaContextWithOIDC => ({ oidc }) as KoaContextWithOIDC;
const lifetime = (of: unknown, ...args: unknown[]): unknown =>
  typeof of === 'function' ? (Reflect.apply(of, undefined, args) as unknown) : of;

describe('lifetimes in seconds', () => {
  const ttl = createTtl({ now: () => TEST_NOW });
  const session = (more: object): object => ({ accountId: 'p', loginTs: NOW_SECONDS, transient: true, ...more });

  it('are short for single-use records', () => {
    assert.equal(ttl.AuthorizationCode, 60);
    assert.equal(ttl.DeviceCode, 600);
    assert.equal(ttl.IdToken, 600);
    assert.equal(ttl.Interaction, HOUR);
  });

  it('are ten minutes for access tokens, or the lifetime of the API', () => {
    const token = (resourceServer?: object): object => ({ resourceServer });
    assert.equal(lifetime(ttl.AccessToken, contextWith({}), token()), 600);
    assert.equal(lifetime(ttl.AccessToken, contextWith({}), token({ accessTokenTTL: 180 })), 180);
    assert.equal(lifetime(ttl.AccessToken, contextWith({}), token({})), 600);
  });

  it('of a session count from the sign-in and end at the idle limit', () => {
    const of = (one: object, idle?: number): unknown =>
      lifetime(createTtl({ now: () => TEST_NOW }, idle).Session, contextWith({}), one);
    assert.equal(of(session({ accountId: undefined })), HOUR);
    assert.equal(of(session({})), 12 * HOUR);
    assert.equal(of(session({ loginTs: undefined })), 12 * HOUR);
    assert.equal(of(session({ transient: undefined })), 30 * DAY);
    assert.equal(of(session({ loginTs: NOW_SECONDS - 11 * HOUR })), HOUR);
    assert.equal(of(session({ loginTs: NOW_SECONDS - 13 * HOUR })), 1);
    assert.equal(of(session({}), 900), 900);
    assert.equal(of(session({ loginTs: NOW_SECONDS - 12 * HOUR + 60 }), 900), 60);
  });

  it('of a grant equal those of its session or refresh tokens', () => {
    const of = (scopes: string[], one?: object): unknown =>
      lifetime(ttl.Grant, contextWith({ requestParamScopes: new Set(scopes), session: one }));
    assert.equal(of(['openid', 'offline_access']), 90 * DAY);
    assert.equal(of(['openid'], session({ loginTs: NOW_SECONDS - HOUR })), 11 * HOUR);
    assert.equal(of(['openid']), 30 * DAY);
  });

  it('of a refresh token are two weeks without use, at most 90 days in total', () => {
    const of = (iiat?: number): unknown =>
      lifetime(
        ttl.RefreshToken,
        contextWith({ entities: iiat === undefined ? {} : { RotatedRefreshToken: { iiat } } }),
      );
    assert.equal(of(), 14 * DAY);
    assert.equal(of(NOW_SECONDS - 70 * DAY), 14 * DAY);
    assert.equal(of(NOW_SECONDS - 80 * DAY), 10 * DAY);
    assert.equal(of(NOW_SECONDS - 91 * DAY), 1);
  });
});

describe('metadata of a client', () => {
  it('contains the registered values only', () => {
    assert.deepEqual(toMetadata(testClient('app', { backchannel_logout_uri: undefined })), {
      client_id: 'app',
      client_name: 'app',
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: '0'.repeat(64),
      redirect_uris: ['https://app.example/callback'],
      post_logout_redirect_uris: [],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      scope: 'openid roles children',
      subject_type: 'pairwise',
      id_token_signed_response_alg: 'RS256',
      require_pushed_authorization_requests: false,
      dpop_bound_access_tokens: false,
    });
    const full = {
      jwks_uri: 'https://app.example/jwks',
      initiate_login_uri: 'https://app.example/login',
      client_uri: 'https://app.example/',
      sector_identifier_uri: 'https://app.example/uris.json',
    };
    const metadata = toMetadata(
      testClient('app', { ...full, device_flow: true, scopes: ['openid', 'offline_access'] }),
    );
    for (const [key, value] of Object.entries(full)) assert.equal(metadata[key], value, key);
    assert.equal(metadata.backchannel_logout_uri, 'https://app.example/logout');
    assert.equal(metadata.backchannel_logout_session_required, true);
    assert.equal(metadata.subject_type, 'public', 'made pairwise by provider-internals.ts');
    assert.deepEqual(metadata.grant_types, [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ]);
    const secrets = ['a'.repeat(64), 'b'.repeat(64)];
    assert.equal(toMetadata(testClient('app', { client_secret_sha256: secrets })).client_secret, secrets.join(' '));
    const signing = toMetadata(testClient('fapi', FAPI));
    assert.deepEqual([signing.jwks, 'client_secret' in signing], [FAPI.jwks, false]);
  });
});

describe('client assertion', () => {
  const check = createAssertionCheck(() => TEST_NOW);
  const at = (times: object): void => void lifetime(check, contextWith({}), times, {}, {});

  it('is valid for at most one hour and not dated ahead', () => {
    at({ exp: NOW_SECONDS + HOUR });
    at({ exp: NOW_SECONDS + 60, iat: NOW_SECONDS + 60 });
    at({ exp: NOW_SECONDS + 60, iat: 'text' });
    for (const times of [
      { exp: NOW_SECONDS + HOUR + 1 },
      { exp: undefined },
      { exp: String(NOW_SECONDS) },
      { exp: NOW_SECONDS + 60, iat: NOW_SECONDS + 61 },
    ]) {
      assert.throws(
        () => {
          at(times);
        },
        errors.InvalidClientAuth,
        JSON.stringify(times),
      );
    }
  });
});

describe('FAPI 2.0', () => {
  it('applies only to clients that sign, push and bind', () => {
    assert.equal(isFapi(testClient('fapi', FAPI)), true);
    assert.equal(isFapi(undefined), false);
    for (const lack of [
      { token_endpoint_auth_method: 'client_secret_basic', client_secret_sha256: ['0'.repeat(64)] },
      { require_pushed_authorization_requests: false },
      { dpop_bound_access_tokens: false },
    ]) {
      assert.equal(isFapi(testClient('fapi', { ...FAPI, ...lack })), false, JSON.stringify(lack));
    }
  });

  it('always signs with ES256 and requires PKCE (section 5.3.2.2, rule 5, and section 5.4.1)', () => {
    const client = testClient('fapi', { ...FAPI, id_token_signed_response_alg: 'RS256', require_pkce: false });
    assert.equal(toMetadata(client).id_token_signed_response_alg, 'ES256');
    const { required } = createPkce({ find: (id) => (id === 'fapi' ? client : undefined) });
    const request = contextWith({ params: { nonce: 'n-0S6_WzA2Mj' } });
    for (const id of ['fapi', 'unknown']) {
      assert.throws(() => lifetime(required, request, { clientId: id }), { error: 'invalid_request' }, id);
    }
  });

  const checked: unknown[] = [];
  const base: Configuration = {
    features: { userinfo: { enabled: true } },
    assertJwtClientAuthClaimsAndHeader: (_ctx, presented) => void checked.push(presented),
  };
  const enforced = enforceFapi(base, clients);
  const of = (clientId?: string): object => ({ clientId });

  it('sets the profile by client', () => {
    assert.deepEqual(enforced.features?.userinfo, { enabled: true });
    const fapi = enforced.features.fapi;
    assert.equal(fapi?.enabled, true);
    const profile = (client: unknown): unknown => lifetime(fapi.profile, contextWith({}), client);
    assert.deepEqual(
      [profile(of('fapi')), profile(of('app')), profile(undefined), profile(of())],
      ['2.0', undefined, undefined, undefined],
    );
  });

  it('limits the refreshes of all clients, also without rotation', () => {
    const admitted: unknown[] = [];
    const limited = limitRefreshes(
      { rotateRefreshToken },
      { admitRefresh: (grant) => void admitted.push(grant.personId) },
    );
    const rotates = (clientAuthMethod: string, jkt?: string): unknown => {
      const person = { accountId: `person of ${clientAuthMethod}` };
      const entities = { Grant: { jti: 'grant' }, Account: person, RefreshToken: { jkt } };
      return lifetime(limited.rotateRefreshToken, contextWith({ client: { clientAuthMethod }, entities }));
    };
    assert.deepEqual([rotates('private_key_jwt'), rotates('none'), rotates('none', 'key')], [false, true, false]);
    assert.deepEqual(admitted, ['person of private_key_jwt', 'person of none', 'person of none']);
    assert.throws(() => lifetime(limited.rotateRefreshToken, contextWith({ entities: {} })));
  });

  it('accepts assertions only for the issuer and with a FAPI algorithm', async () => {
    const present = async (id: string, aud: unknown, alg: string): Promise<void> => {
      await lifetime(
        enforced.assertJwtClientAuthClaimsAndHeader,
        contextWith({ issuer: TEST_ISSUER }),
        { aud },
        { alg },
        of(id),
      );
    };
    checked.length = 0;
    for (const alg of ['PS256', 'ES256', 'EdDSA', 'Ed25519']) await present('fapi', TEST_ISSUER, alg);
    await present('app', [TEST_ISSUER], 'RS256');
    assert.equal(checked.length, 5, 'the check for all clients runs too');
    await assert.rejects(present('fapi', [TEST_ISSUER], 'ES256'), errors.InvalidClientAuth);
    await assert.rejects(present('fapi', `${TEST_ISSUER}/token`, 'ES256'), errors.InvalidClientAuth);
    for (const alg of ['RS256', 'none', ''])
      await assert.rejects(present('fapi', TEST_ISSUER, alg), errors.InvalidClientAuth);
  });
});

describe('tokens for APIs', () => {
  const account = { accountId: 'p', claims: () => ({ sub: 'p', acting: { role: 'parent' } }) };
  const asked: unknown[] = [];
  const findAccount: FindAccount = (_ctx, personId, token) => {
    asked.push([personId, token?.grantId]);
    return Promise.resolve(personId === 'gone' ? undefined : account);
  };
  const { resourceIndicators, introspection } = createResourceFeatures(clients, findAccount);
  const token = (more: object = {}): object => ({
    kind: 'AccessToken',
    aud: API,
    accountId: 'p',
    clientId: 'app',
    grantId: 'g',
    ...more,
  });

  it('are issued for registered APIs only, with the settings of the API', () => {
    const info = (clientId: string, identifier: string): unknown =>
      lifetime(resourceIndicators.getResourceServerInfo, contextWith({}), identifier, { clientId });
    assert.deepEqual(info('app', API), {
      scope: 'read write',
      audience: API,
      accessTokenTTL: 180,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'ES256' } },
    });
    assert.throws(() => info('fapi', API), errors.InvalidTarget);
    assert.throws(() => info('app', 'https://other.example'), errors.InvalidTarget);
    assert.equal(resourceIndicators.enabled, true);
    assert.equal(lifetime(resourceIndicators.defaultResource), undefined);
    assert.equal(lifetime(resourceIndicators.useGrantedResource), false);
  });

  it('may be introspected by their API while the person is active', async () => {
    const allowed = (clientId: string, one: object): Promise<unknown> =>
      Promise.resolve(lifetime(introspection.allowedPolicy, contextWith({}), { clientId }, one));
    assert.equal(await allowed('api', token()), true);
    assert.deepEqual(asked.at(-1), ['p', 'g']);
    assert.equal(await allowed('app', token()), false);
    assert.equal(await allowed('api', token({ aud: 'https://other.example' })), false);
    assert.equal(await allowed('app', token({ aud: undefined })), false);
    assert.equal(await allowed('api', token({ kind: 'RefreshToken' })), false);
    assert.equal(await allowed('api', token({ accountId: 'gone' })), false);
    assert.equal(await allowed('api', token({ clientId: 'disabled' })), false);
    assert.equal(introspection.enabled, true);
  });

  it('contain acting, and tokens for UserInfo contain no claims', async () => {
    const extra = (one: object, client: object | undefined = {}): Promise<unknown> =>
      Promise.resolve(lifetime(createTokenClaims(findAccount), contextWith({ client }), one));
    assert.deepEqual(await extra(token()), { acting: { role: 'parent' } });
    assert.equal(await extra(token({ kind: 'ClientCredentials' })), undefined);
    assert.equal(await extra(token({ aud: undefined })), undefined);
    assert.equal(await extra(token({ accountId: 'gone' })), undefined);
    assert.equal(
      await lifetime(createTokenClaims(findAccount), contextWith({ client: undefined }), token()),
      undefined,
    );
    const without: FindAccount = () => Promise.resolve({ ...account, claims: () => ({ sub: 'p' }) });
    assert.equal(await lifetime(createTokenClaims(without), contextWith({ client: {} }), token()), undefined);
  });
});
