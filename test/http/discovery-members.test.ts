/** Each member of the discovery document: tried at the service, or compared with its configuration. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { z } from 'zod';

import { SCOPES, SCOPE_CLAIMS } from '../../src/domain/claims/scopes.ts';
import { errorOf, interactionOf, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, formOf } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'];
const secret = newSecret();
const privateKeys = new Map<string, CryptoKey>();
let service: TestService;
let app: TestParty;
let metadata: Record<string, unknown>;

async function createKeys(): Promise<JWK[]> {
  const keys: JWK[] = [];
  for (const alg of ALGORITHMS) {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    privateKeys.set(alg, privateKey);
    keys.push({ ...(await exportJWK(publicKey)), kid: alg, use: 'sig', alg });
  }
  return keys;
}

before(async () => {
  const signed = { token_endpoint_auth_method: 'private_key_jwt', client_secret_sha256: [], scopes: ['openid'] };
  service = await startService({
    clients: [
      createRegistration('app', secret, { scopes: ['openid'] }),
      createRegistration('poster', secret, { scopes: ['openid'], token_endpoint_auth_method: 'client_secret_post' }),
      createRegistration('signer', secret, { ...signed, jwks: { keys: await createKeys() } }),
      createRegistration('spa', secret, { ...signed, token_endpoint_auth_method: 'none' }),
    ],
  });
  app = await createParty(service.issuer, { id: 'app', scope: 'openid', secret });
  metadata = await read('/.well-known/openid-configuration');
});
after(() => service.stop());

const json = z.record(z.string(), z.unknown());

async function read(path: string): Promise<Record<string, unknown>> {
  return json.parse(await (await fetch(service.issuer + path)).json());
}

const list = (member: string): string[] => z.array(z.string()).parse(metadata[member]);

/** The parameters and headers of each method of client authentication. */
async function authenticate(method: string, alg = 'ES256'): Promise<[Record<string, string>, Record<string, string>]> {
  switch (method) {
    case 'client_secret_basic':
      return [{}, { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}` }];
    case 'client_secret_post':
      return [{ client_id: 'poster', client_secret: secret }, {}];
    case 'none':
      return [{ client_id: 'spa' }, {}];
    default:
      return [
        {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await sign(alg),
        },
        {},
      ];
  }
}

function sign(alg: string): Promise<string> {
  const key = privateKeys.get(alg);
  assert.ok(key, alg);
  return new SignJWT({ iss: 'signer', sub: 'signer', aud: service.issuer, jti: randomUUID() })
    .setProtectedHeader({ alg, kid: alg })
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key);
}

/** Sends a request whose only possible faults are the client authentication and an unknown token. @returns the error */
async function errorAt(
  endpoint: unknown,
  [fields, headers]: [Record<string, string>, Record<string, string>],
): Promise<unknown> {
  const body = new URLSearchParams({ token: 'x', grant_type: 'refresh_token', refresh_token: 'x', ...fields });
  const response = await fetch(z.string().parse(endpoint), { method: 'POST', body, headers });
  const text = await response.text();
  return text === '' ? undefined : json.parse(JSON.parse(text))['error'];
}

describe('the discovery document', () => {
  it('has exactly these members, at both paths, with and without a slash at the end', async () => {
    assert.deepEqual(Object.keys(metadata).sort(), [
      'acr_values_supported',
      'authorization_endpoint',
      'authorization_response_iss_parameter_supported',
      'backchannel_logout_session_supported',
      'backchannel_logout_supported',
      'claim_types_supported',
      'claims_parameter_supported',
      'claims_supported',
      'code_challenge_methods_supported',
      'device_authorization_endpoint',
      'dpop_signing_alg_values_supported',
      'end_session_endpoint',
      'grant_types_supported',
      'id_token_signing_alg_values_supported',
      'introspection_endpoint',
      'introspection_endpoint_auth_methods_supported',
      'introspection_endpoint_auth_signing_alg_values_supported',
      'issuer',
      'jwks_uri',
      'pushed_authorization_request_endpoint',
      'request_parameter_supported',
      'request_uri_parameter_supported',
      'response_modes_supported',
      'response_types_supported',
      'revocation_endpoint',
      'revocation_endpoint_auth_methods_supported',
      'revocation_endpoint_auth_signing_alg_values_supported',
      'scopes_supported',
      'subject_types_supported',
      'token_endpoint',
      'token_endpoint_auth_methods_supported',
      'token_endpoint_auth_signing_alg_values_supported',
      'ui_locales_supported',
      'userinfo_endpoint',
    ]);
    for (const path of ['/.well-known/oauth-authorization-server', '/.WELL-KNOWN/OpenID-Configuration']) {
      for (const slash of ['', '/']) assert.deepEqual(await read(path + slash), metadata, path + slash);
    }
  });

  it('lists the configured scopes and claims', () => {
    assert.deepEqual(list('scopes_supported'), SCOPES);
    assert.deepEqual(metadata['claim_types_supported'], ['normal']);
    const protocol = ['acr', 'amr', 'auth_time', 'iss', 'sid'];
    assert.deepEqual(list('claims_supported').sort(), [...Object.values(SCOPE_CLAIMS).flat(), ...protocol].sort());
  });

  it('lists the methods and algorithms of client authentication that each endpoint accepts', async () => {
    for (const [name, rejected] of [
      ['token', 'invalid_grant'],
      ['revocation', undefined],
      ['introspection', undefined],
    ] as const) {
      const methods = list(`${name}_endpoint_auth_methods_supported`);
      const open = name === 'introspection' ? [] : ['none'];
      assert.deepEqual(methods, ['client_secret_basic', 'client_secret_post', 'private_key_jwt', ...open], name);
      const endpoint = metadata[`${name}_endpoint`];
      // The token endpoint first checks whether the client may use the grant type.
      const accepted = [rejected, ...(name === 'token' ? ['invalid_request'] : [])];
      for (const method of methods) {
        assert.ok(
          accepted.includes(
            z
              .string()
              .optional()
              .parse(await errorAt(endpoint, await authenticate(method))),
          ),
          `${name} ${method}`,
        );
      }
      assert.deepEqual(list(`${name}_endpoint_auth_signing_alg_values_supported`), ALGORITHMS, name);
      for (const alg of ALGORITHMS) {
        const error = await errorAt(endpoint, await authenticate('private_key_jwt', alg));
        assert.ok(accepted.includes(z.string().optional().parse(error)), `${name} ${alg}`);
      }
    }
  });

  it('lists the response modes that return a code', async () => {
    assert.deepEqual(list('response_modes_supported').sort(), ['form_post', 'fragment', 'query']);
    const browser = createHttpBrowser(service.issuer);
    await runAuthorization(app, browser, { login: LOGIN.T2 });
    for (const mode of list('response_modes_supported')) {
      const { answer } = await runAuthorization(app, browser, { parameters: { response_mode: mode } });
      if (mode === 'form_post') assert.ok(formOf(answer.body).hidden['code'], mode);
      else assert.match(answer.leavesTo?.[mode === 'query' ? 'search' : 'hash'] ?? '', /[?#&]code=/, mode);
    }
  });

  it('denies request objects, and the service rejects them', async () => {
    assert.deepEqual(
      [metadata['request_parameter_supported'], metadata['request_uri_parameter_supported']],
      [false, false],
    );
    for (const [parameters, error] of [
      [{ request: 'e30.e30.' }, 'request_not_supported'],
      [{ request_uri: 'https://app.example/request.jwt' }, 'request_uri_not_supported'],
    ] as const) {
      const { answer } = await runAuthorization(app, createHttpBrowser(service.issuer), { parameters });
      assert.equal(errorOf(answer), error);
    }
  });

  it('lists the languages of the pages', async () => {
    assert.deepEqual(list('ui_locales_supported'), ['zh-TW', 'en']);
    for (const language of list('ui_locales_supported')) {
      const parameters = { ui_locales: language };
      const { answer } = await runAuthorization(app, createHttpBrowser(service.issuer), { parameters });
      assert.equal(interactionOf(answer), 'login');
      assert.ok(answer.body.includes(`<html lang="${language}">`), language);
    }
  });
});
