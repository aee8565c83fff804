import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';
import {
  runAuthorization,
  idClaims,
  LOGIN,
  redeem,
  signInWithNewBrowser,
  textIn,
  tokensFor,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
let service: TestService;
let modern: TestParty;
let classic: TestParty;

before(async () => {
  service = await startService({
    clients: [
      createRegistration('modern', secret, { scopes: ['openid', 'roles'], id_token_signed_response_alg: 'ES256' }),
      createRegistration('classic', secret, { scopes: ['openid'] }),
    ],
  });
  modern = await createParty(service.issuer, { id: 'modern', scope: 'openid roles', secret });
  classic = await createParty(service.issuer, { id: 'classic', scope: 'openid', secret });
});
after(() => service.stop());

async function document(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(service.issuer + path);
  assert.equal(response.status, 200);
  return z.record(z.string(), z.unknown()).parse(await response.json());
}

const sorted = (value: unknown): string[] => z.array(z.string()).parse(value).sort();

describe('discovery (OpenID Connect Discovery 1.0, section 3)', () => {
  it('has the configured issuer, and every endpoint is below it', async () => {
    const metadata = await document('/.well-known/openid-configuration');
    assert.equal(metadata['issuer'], service.issuer);
    const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name));
    assert.deepEqual(endpoints.map(([name]) => name).sort(), [
      'authorization_endpoint',
      'device_authorization_endpoint',
      'end_session_endpoint',
      'introspection_endpoint',
      'jwks_uri',
      'pushed_authorization_request_endpoint',
      'revocation_endpoint',
      'token_endpoint',
      'userinfo_endpoint',
    ]);
    for (const [name, url] of endpoints) assert.equal(new URL(z.string().parse(url)).origin, service.issuer, name);
  });

  it('offers only the code flow with S256 and pairwise subjects', async () => {
    const metadata = await document('/.well-known/openid-configuration');
    assert.deepEqual(metadata['response_types_supported'], ['code']);
    assert.deepEqual(metadata['code_challenge_methods_supported'], ['S256']);
    assert.deepEqual(metadata['subject_types_supported'], ['pairwise']);
    assert.deepEqual(sorted(metadata['grant_types_supported']), [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ]);
    assert.deepEqual(sorted(metadata['id_token_signing_alg_values_supported']), ['ES256', 'RS256']);
    assert.deepEqual(sorted(metadata['token_endpoint_auth_methods_supported']), [
      'client_secret_basic',
      'client_secret_post',
      'none',
      'private_key_jwt',
    ]);
  });

  it('lists scopes, claims, iss in responses and back-channel logout', async () => {
    const metadata = await document('/.well-known/openid-configuration');
    assert.deepEqual(
      sorted(metadata['scopes_supported']),
      ['openid', 'profile', 'email', 'phone', 'roles', 'children', 'children.profile', 'offline_access'].sort(),
    );
    const claims = sorted(metadata['claims_supported']);
    for (const claim of ['sub', 'acr', 'amr', 'auth_time', 'sid', 'roles', 'affiliations', 'children', 'acting']) {
      assert.ok(claims.includes(claim), claim);
    }
    assert.equal(metadata['claims_parameter_supported'], true);
    assert.equal(metadata['authorization_response_iss_parameter_supported'], true);
    assert.equal(metadata['backchannel_logout_supported'], true);
    assert.equal(metadata['backchannel_logout_session_supported'], true);
  });

  it('is independent of the Host header', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const answer = await fetch(`${service.issuer}/.well-known/openid-configuration`, { headers });
    assert.deepEqual(await answer.json(), await document('/.well-known/openid-configuration'));
  });

  it('returns the same document for every request', async () => {
    const ask = async (headers: Record<string, string>): Promise<unknown[]> => {
      const answer = await fetch(`${service.issuer}/.well-known/openid-configuration`, { headers });
      const shown = ['content-type', 'vary', 'access-control-allow-origin'].map((name) => answer.headers.get(name));
      return [answer.status, ...shown, await answer.json()];
    };
    const first = await ask({});
    assert.deepEqual([await ask({}), await ask({})], [first, first]);
    assert.deepEqual(first.slice(0, 4), [200, 'application/json; charset=utf-8', 'Origin', '*']);
    const [status, , vary, , body] = await ask({ origin: 'https://app.example' });
    assert.deepEqual([status, vary, body], [200, 'Origin', first[4]]);
  });

  it('is returned for GET and HEAD only, and a refused request does not change it', async () => {
    const url = `${service.issuer}/.well-known/openid-configuration`;
    const before = await document('/.well-known/openid-configuration');
    const head = await fetch(url, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await fetch(url, { method });
      assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${String(answer.status)}`);
      await answer.body?.cancel();
    }
    assert.deepEqual(await document('/.well-known/openid-configuration'), before);
  });

  it('counts in the metrics under its route', async () => {
    const { registry } = service.container.metrics;
    const countDocuments = async (): Promise<number> =>
      Number(/_count\{[^}]*route="discovery"[^}]*\} (\d+)/.exec(await registry.metrics())?.[1] ?? 0);
    const before = await countDocuments();
    for (let request = 0; request < 3; request += 1) await document('/.well-known/openid-configuration');
    await pollUntil('the counts', async () => (await countDocuments()) >= before + 3);
  });
});

describe('the key set', () => {
  it('has public keys for both algorithms and no private members', async () => {
    const keys = z.array(z.record(z.string(), z.unknown())).parse((await document('/jwks'))['keys']);
    assert.deepEqual([...new Set(keys.map(({ alg }) => alg))].sort(), ['ES256', 'RS256']);
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length);
    for (const key of keys) {
      assert.equal(key['use'], 'sig');
      assert.ok(z.string().min(1).safeParse(key['kid']).success);
      const secretParts = Object.keys(key).filter((part) =>
        ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'].includes(part),
      );
      assert.deepEqual(secretParts, []);
    }
    for (const { n } of keys.filter(({ kty }) => kty === 'RSA')) {
      assert.equal(Buffer.from(z.string().parse(n), 'base64url').length, 256, 'RSA has 2048 bits, never 4096');
    }
  });
});

/** Verifies a token with the published keys and an independent library. */
async function verified(idToken: string, audience: string, alg: string): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL('/jwks', service.issuer));
  const options = { issuer: service.issuer, audience, algorithms: [alg], clockTolerance: 5 };
  return (await jwtVerify(idToken, keys, options)).payload;
}

describe('the ID token (OpenID Connect Core 1.0, section 2)', () => {
  it('is signed with RS256 unless the client is registered for ES256', async () => {
    const { tokens, httpBrowser } = await signInWithNewBrowser(modern, { login: LOGIN.T2 });
    const idToken = z.string().parse(tokens.id_token);
    assert.equal(decodeProtectedHeader(idToken).alg, 'ES256');
    await verified(idToken, 'modern', 'ES256');
    const other = z.string().parse((await tokensFor(classic, httpBrowser)).id_token);
    assert.equal(decodeProtectedHeader(other).alg, 'RS256');
    await verified(other, 'classic', 'RS256');
  });

  it('has acr, amr, auth_time and sid', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { tokens } = await signInWithNewBrowser(modern, { login: LOGIN.T2 });
    const claims = idClaims(tokens);
    assert.equal(claims['acr'], 'urn:kinpass:aal1');
    assert.deepEqual(claims['amr'], ['pwd']);
    const authTime = z.number().parse(claims['auth_time']);
    assert.ok(authTime >= before && authTime <= Date.now() / 1000, 'auth_time is the sign-in');
    assert.ok(z.string().min(20).safeParse(claims['sid']).success);
    assert.equal(z.number().parse(claims['exp']) - z.number().parse(claims['iat']), 600);
  });

  it('keeps auth_time and sid within a session, and has new ones in another session', async () => {
    const first = await signInWithNewBrowser(modern, { login: LOGIN.T2 });
    const again = idClaims(await tokensFor(modern, first.httpBrowser));
    assert.equal(again['sid'], idClaims(first.tokens)['sid']);
    assert.equal(again['auth_time'], idClaims(first.tokens)['auth_time']);
    const elsewhere = await signInWithNewBrowser(modern, { login: LOGIN.T2 });
    assert.notEqual(idClaims(elsewhere.tokens)['sid'], again['sid']);
    assert.equal(idClaims(elsewhere.tokens)['sub'], again['sub']);
  });

  it('has a different sid for each client', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(modern, { login: LOGIN.T2 });
    assert.notEqual(idClaims(await tokensFor(classic, httpBrowser))['sid'], idClaims(tokens)['sid']);
  });

  it('has the nonce of its request', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const entered = await runAuthorization(modern, httpBrowser, {
      login: LOGIN.T2,
      parameters: { nonce: 'n-0S6_WzA2Mj' },
    });
    const reply = await redeem(modern, entered);
    assert.equal(idClaims({ id_token: textIn(reply, 'id_token') })['nonce'], 'n-0S6_WzA2Mj');
  });
});

describe('the authorization response', () => {
  it('has iss (RFC 9207)', async () => {
    const { answer } = await runAuthorization(modern, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
    assert.equal(answer.leavesTo?.searchParams.get('iss'), service.issuer);
    const refused = await runAuthorization(modern, createHttpBrowser(service.issuer), {
      parameters: { prompt: 'none' },
    });
    assert.equal(refused.answer.leavesTo?.searchParams.get('iss'), service.issuer);
  });
});
