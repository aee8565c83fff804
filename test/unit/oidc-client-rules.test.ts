/** The rules of the clients file and those of the provider. `kinpass clients check` knows the former only. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import Provider from 'oidc-provider';

import { checkRegistration, clientSchema } from '../../src/config/clients.ts';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { toMetadata } from '../../src/oidc/options/clients.ts';
import { validateMetadata } from '../../src/oidc/provider-internals.ts';
import { TEST_ISSUER } from '../helpers/services.ts';

const provider = new Provider(TEST_ISSUER, {
  scopes: [...SCOPES],
  subjectTypes: ['pairwise', 'public'],
  responseTypes: ['code'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
  features: {
    backchannelLogout: { enabled: true },
    dPoP: { enabled: true },
    deviceFlow: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
});

const EC = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
const signs = (...keys: unknown[]): object => ({
  token_endpoint_auth_method: 'private_key_jwt',
  client_secret_sha256: [],
  jwks: { keys },
});
const NATIVE = { application_type: 'native', sector_identifier_uri: 'https://app.example/' };

/** Registrations that the provider refuses: at least one for each rule that a registration can break. */
const REFUSED: Readonly<Record<string, object>> = {
  'no id': { client_id: undefined },
  'an id outside ASCII': { client_id: '學習' },
  'an empty name': { client_name: '' },
  'an unknown type': { application_type: 'spa' },
  'an unknown method': { token_endpoint_auth_method: 'client_secret_jwt' },
  'no redirect address': { redirect_uris: [] },
  'redirect addresses that are no list': { redirect_uris: 'https://app.example/callback' },
  'a redirect address that is no text': { redirect_uris: [1] },
  'an empty redirect address': { redirect_uris: [''] },
  'a relative redirect address': { redirect_uris: ['/callback'] },
  'a redirect address with a fragment': { redirect_uris: ['https://app.example/#x'] },
  'a redirect address with an own scheme for a website': { redirect_uris: ['org.example.app:/callback'] },
  'a native http address': { ...NATIVE, redirect_uris: ['http://app.example/callback'] },
  'a native https loopback address': { ...NATIVE, redirect_uris: ['https://localhost/callback'] },
  'a native script address': { ...NATIVE, redirect_uris: ['javascript:alert(1)'] },
  'a native data address': { ...NATIVE, redirect_uris: ['data:text/html,x'] },
  'a sign-out address with a fragment': { post_logout_redirect_uris: ['https://app.example/#x'] },
  'a sign-out address with an own scheme for a website': { post_logout_redirect_uris: ['org.example.app:/'] },
  'a sign-out address that is no address': { post_logout_redirect_uris: ['app'] },
  'a start page that is no web page': { client_uri: 'ftp://app.example/' },
  'a start page that is no address': { client_uri: 'app' },
  'a logout address that is no web address': { backchannel_logout_uri: 'mailto:app@app.example' },
  'an http sector': { sector_identifier_uri: 'http://app.example/' },
  'an unknown algorithm': { id_token_signed_response_alg: 'HS256' },
  'a switch that is no boolean': { require_pushed_authorization_requests: 'true' },
  'a binding that is no boolean': { dpop_bound_access_tokens: 1 },
  'an unknown scope': { scopes: ['openid', 'admin'] },
  'a method with a secret, and no secret': { client_secret_sha256: [] },
  'no keys': { ...signs(), jwks: undefined },
  'two sources of keys': { ...signs(EC), jwks_uri: 'https://app.example/jwks' },
  'keys at an address that is no web address': { ...signs(), jwks: undefined, jwks_uri: 'file:///etc/keys' },
  'keys that are no list': { ...signs(), jwks: { keys: EC } },
  'a key that is no object': signs('key'),
  'a key without a type': signs({ ...EC, kty: undefined }),
  'a key with an empty type': signs({ ...EC, kty: '' }),
  'a symmetric key': signs({ kty: 'oct' }),
  'a private EC key': signs({ ...EC, d: 'd' }),
  'a private RSA key': signs({ kty: 'RSA', n: 'n', e: 'AQAB', d: 'd' }),
  'an EC key without a curve': signs({ ...EC, crv: undefined }),
  'an EC key without x': signs({ ...EC, x: undefined }),
  'an EC key with an empty y': signs({ ...EC, y: '' }),
  'an OKP key without a curve': signs({ kty: 'OKP', x: 'x' }),
  'an OKP key without x': signs({ kty: 'OKP', crv: 'Ed25519' }),
  'an RSA key without n': signs({ kty: 'RSA', e: 'AQAB' }),
  'an RSA key without e': signs({ kty: 'RSA', n: 'n' }),
  'an empty kid': signs({ ...EC, kid: '' }),
  'an alg that is no text': signs({ ...EC, alg: 1 }),
  'a use that is no text': signs({ ...EC, use: ['sig'] }),
  'certificates that are no list': signs({ ...EC, x5c: 'x' }),
  'an empty certificate': signs({ ...EC, x5c: [''] }),
};

const ACCEPTED: Readonly<Record<string, object>> = {
  'a website': {},
  'a browser app': { token_endpoint_auth_method: 'none', client_secret_sha256: [] },
  'a native app': { ...NATIVE, redirect_uris: ['http://127.0.0.1/callback', 'org.example.app:/callback'] },
  'a television': { device_flow: true, scopes: ['openid', 'offline_access'] },
  'a client with EC, OKP and RSA keys': signs(
    { ...EC, kid: 'ec', use: 'sig', alg: 'ES256', x5c: ['x'] },
    { kty: 'OKP', crv: 'Ed25519', x: 'x' },
    { kty: 'RSA', n: 'n', e: 'AQAB' },
  ),
  'a client with all addresses': {
    client_uri: 'https://app.example/',
    initiate_login_uri: 'https://app.example/login',
    backchannel_logout_uri: 'https://app.example/logout',
    post_logout_redirect_uris: ['https://app.example/'],
    sector_identifier_uri: 'https://app.example/',
  },
};

const REGISTRATION = {
  client_id: 'app',
  client_name: 'App',
  client_secret_sha256: ['0'.repeat(64)],
  redirect_uris: ['https://app.example/callback'],
  scopes: ['openid'],
};

/** Returns true if the provider accepts a registration that the schema has not checked. */
function isAcceptedByProvider(change: object): boolean {
  const metadata = toMetadata({ ...clientSchema.parse(REGISTRATION), ...change });
  try {
    validateMetadata(provider, metadata);
    return true;
  } catch {
    return false;
  }
}

describe('a registration', () => {
  for (const [what, change] of Object.entries(REFUSED)) {
    it(`with ${what} is refused by the schema and by the provider`, () => {
      assert.deepEqual(
        [checkRegistration({ ...REGISTRATION, ...change }).registration, isAcceptedByProvider(change)],
        [undefined, false],
      );
    });
  }

  for (const [what, change] of Object.entries(ACCEPTED)) {
    it(`of ${what} is accepted by the schema and by the provider`, () => {
      assert.deepEqual(
        [checkRegistration({ ...REGISTRATION, ...change }).issues, isAcceptedByProvider(change)],
        [undefined, true],
      );
    });
  }
});
