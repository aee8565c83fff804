/** Tokens bound to a key of the client (RFC 9449). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import {
  calculateJwkThumbprint,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  SignJWT,
  type GenerateKeyPairResult,
  type JWK,
} from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';

import { runAuthorization, LOGIN, type AuthorizationResult } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const NATIVE = 'tw.example.phone:/callback';
const API = 'https://api.dpop.example/';
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
let service: TestService;
let bound: TestParty;
let free: TestParty;
let phone: TestParty;
let key: GenerateKeyPairResult;
let otherKey: GenerateKeyPairResult;

before(async () => {
  const scopes = ['openid', 'profile', 'offline_access'];
  service = await startService({
    clients: [
      createRegistration('bound', secret, { scopes, dpop_bound_access_tokens: true, resources: [API] }),
      createRegistration('free', secret, { scopes }),
      createRegistration('phone', secret, {
        scopes,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        client_secret_sha256: [],
        redirect_uris: [NATIVE],
      }),
    ],
    resourceServers: [{ identifier: API, scopes: { 'notice:read': '讀取通知' } }],
  });
  const { issuer } = service;
  const scope = 'openid profile';
  bound = await createParty(issuer, { id: 'bound', scope, secret });
  free = await createParty(issuer, { id: 'free', scope, secret });
  phone = await createParty(issuer, { id: 'phone', scope, redirectUri: NATIVE });
  [key, otherKey] = [await generateKeyPair('ES256', { extractable: true }), await generateKeyPair('ES256')];
});
after(() => service.stop());

interface Proof {
  method?: string;
  url?: string;
  /** The access token of the proof. */
  token?: string;
  by?: GenerateKeyPairResult;
  /** Claims to replace; `undefined` omits one. */
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

const publicKey = async ({ publicKey: half }: GenerateKeyPairResult): Promise<JWK> => exportJWK(half);

async function proof({ method = 'POST', url, token, by = key, claims, header }: Proof): Promise<string> {
  const digest = async (text: string): Promise<string> =>
    Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');
  const payload = {
    jti: randomUUID(),
    htm: method,
    htu: url ?? service.issuer + '/token',
    iat: Math.floor(Date.now() / 1000),
    ...(token === undefined ? {} : { ath: await digest(token) }),
    ...claims,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await publicKey(by), ...header })
    .sign(by.privateKey);
}

interface Reply {
  status: number;
  body: Record<string, unknown>;
  challenge: string;
}

async function send(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    body: z.record(z.string(), z.unknown()).parse(text === '' ? {} : JSON.parse(text)),
    challenge: response.headers.get('www-authenticate') ?? '',
  };
}

function askToken(party: TestParty, fields: Record<string, string>, dpop?: string, path = '/token'): Promise<Reply> {
  const basic = Buffer.from(`${party.id}:${party.secret ?? ''}`).toString('base64');
  return send(service.issuer + path, {
    method: 'POST',
    body: new URLSearchParams({ ...(party.secret === undefined ? { client_id: party.id } : {}), ...fields }),
    headers: {
      ...(party.secret === undefined ? {} : { authorization: `Basic ${basic}` }),
      ...(dpop === undefined ? {} : { dpop }),
    },
  });
}

const codeFields = (party: TestParty, { answer, verifier }: AuthorizationResult): Record<string, string> => ({
  grant_type: 'authorization_code',
  code: answer.leavesTo?.searchParams.get('code') ?? '',
  redirect_uri: party.redirectUri,
  code_verifier: verifier,
});

const signIn = (party: TestParty, parameters: Record<string, string> = {}): Promise<AuthorizationResult> =>
  runAuthorization(party, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters });

/** Signs in and gets a token bound to `key`. */
async function boundToken(party = bound): Promise<string> {
  const reply = await askToken(party, codeFields(party, await signIn(party)), await proof({}));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return z.string().parse(reply.body['access_token']);
}

const me = (): string => service.issuer + '/me';
const ask = (token: string, dpop?: string, scheme = 'DPoP'): Promise<Reply> =>
  send(me(), { headers: { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) } });
const proofFor = (token: string, more: Proof = {}): Promise<string> =>
  proof({ method: 'GET', url: me(), token, ...more });

describe('a token bound by DPoP (RFC 9449)', () => {
  it('works at UserInfo and at a refresh with its key, by an independent client library', async () => {
    const entered = await signIn(bound, OFFLINE);
    const dpop = client.getDPoPHandle(bound.config, key);
    const tokens = await entered.finish(entered.answer, { dpop });
    assert.equal(tokens.token_type, 'dpop');
    const sub = tokens.claims()?.sub ?? '';
    const info = await client.fetchUserInfo(bound.config, tokens.access_token, sub, { DPoP: dpop });
    assert.equal(info.name, '林志豪');
    const next = await client.refreshTokenGrant(bound.config, tokens.refresh_token ?? '', {}, { DPoP: dpop });
    assert.equal((await client.fetchUserInfo(bound.config, next.access_token, sub, { DPoP: dpop })).sub, sub);
  });

  it('is announced in discovery (section 5.1)', () => {
    const { dpop_signing_alg_values_supported: algorithms = [] } = bound.config.serverMetadata();
    assert.ok(algorithms.includes('ES256'));
    assert.equal(algorithms.includes('none') || algorithms.some((alg) => alg.startsWith('HS')), false);
  });

  it('is rejected as a bearer token (section 7.2)', async () => {
    const token = await boundToken();
    for (const reply of [await ask(token, undefined, 'Bearer'), await ask(token, await proofFor(token), 'Bearer')]) {
      assert.ok([400, 401].includes(reply.status), JSON.stringify(reply.body));
      assert.equal(reply.body['sub'], undefined);
    }
  });

  const wrong: Record<string, (token: string) => Promise<string | undefined>> = {
    'no proof': () => Promise.resolve(undefined),
    'a proof of another key': (token) => proofFor(token, { by: otherKey }),
    'a proof for another token (ath)': (token) => proofFor(token, { token: `${token}x` }),
    'a proof without ath': (token) => proofFor(token, { claims: { ath: undefined } }),
    'a proof for another method (htm)': (token) => proofFor(token, { method: 'POST' }),
    'a proof for another address (htu)': (token) => proofFor(token, { url: 'https://evil.example/me' }),
    'a proof that is old': (token) => proofFor(token, { claims: { iat: Math.floor(Date.now() / 1000) - 400 } }),
    'a proof of tomorrow': (token) => proofFor(token, { claims: { iat: Math.floor(Date.now() / 1000) + 86_400 } }),
    'a proof without a number of its own (jti)': (token) => proofFor(token, { claims: { jti: undefined } }),
    'another kind of JWT': (token) => proofFor(token, { header: { typ: 'jwt' } }),
    'something that is no JWT': () => Promise.resolve('a.b.c'),
    'a signature that does not belong to its key': async (token) =>
      proofFor(token, { header: { jwk: await publicKey(otherKey) } }),
    'a private key in its header (section 4.3)': async (token) =>
      proofFor(token, { header: { jwk: await exportJWK(key.privateKey) } }),
  };
  for (const [what, make] of Object.entries(wrong)) {
    it(`with ${what} is rejected at UserInfo (section 4.3)`, async () => {
      const token = await boundToken();
      const reply = await ask(token, await make(token));
      assert.ok([400, 401].includes(reply.status), `${String(reply.status)} ${JSON.stringify(reply.body)}`);
      assert.match(reply.challenge, /DPoP/);
      assert.equal(reply.body['sub'], undefined);
      assert.equal((await ask(token, await proofFor(token))).status, 200, 'the token itself is valid');
    });
  }

  it('with a replayed proof is rejected, also at the same moment (section 11.1)', async () => {
    const token = await boundToken();
    const once = await proofFor(token);
    assert.equal((await ask(token, once)).status, 200);
    assert.equal((await ask(token, once)).status, 401);
    for (let round = 0; round < 3; round += 1) {
      const same = await proofFor(token);
      const replies = await Promise.all(Array.from({ length: 6 }, () => ask(token, same)));
      assert.equal(replies.filter(({ status }) => status === 200).length, 1);
    }
  });

  it('is required for a proof: an unbound token with a proof is rejected', async () => {
    const reply = await askToken(free, codeFields(free, await signIn(free)));
    const token = z.string().parse(reply.body['access_token']);
    assert.equal((await ask(token, await proofFor(token))).status, 401);
    assert.equal((await ask(token, undefined, 'Bearer')).status, 200);
  });

  it('for an API contains cnf.jkt (section 6.1)', async () => {
    const entered = await signIn(bound, { resource: API, scope: 'openid notice:read' });
    const reply = await askToken(bound, { ...codeFields(bound, entered), resource: API }, await proof({}));
    const { cnf } = decodeJwt(z.string().parse(reply.body['access_token']));
    assert.deepEqual(cnf, { jkt: await calculateJwkThumbprint(await publicKey(key)) });
    assert.equal(reply.body['token_type'], 'DPoP');
  });
});

describe('a client that is registered for bound tokens (dpop_bound_access_tokens)', () => {
  it('gets none without a proof, and the code is not consumed', async () => {
    const fields = codeFields(bound, await signIn(bound));
    const bare = await askToken(bound, fields);
    assert.deepEqual([bare.status, bare.body['access_token']], [400, undefined]);
    assert.equal((await askToken(bound, fields, await proof({}))).status, 200);
  });

  it('gets none for an invalid proof (section 5)', async () => {
    const fields = codeFields(bound, await signIn(bound));
    for (const change of [{ url: me() }, { method: 'GET' }, { claims: { iat: 1 } }, { header: { typ: 'jwt' } }]) {
      const reply = await askToken(bound, fields, await proof(change));
      assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_dpop_proof'], JSON.stringify(change));
    }
  });

  it('names in htu the endpoint, or the requested address as it was spelled (section 4.3)', async () => {
    const fields = { grant_type: 'refresh_token', refresh_token: 'invented' };
    for (const [path, htu, error] of [
      ['/token', '/token', 'invalid_grant'],
      ['/token/', '/token', 'invalid_grant'],
      ['/token/', '/token/', 'invalid_grant'],
      ['/token/?x=1', '/token/?y=2#z', 'invalid_grant'],
      ['/Token', '/Token', 'invalid_grant'],
      ['/token', '/token/', 'invalid_dpop_proof'],
      ['/token/', '/Token/', 'invalid_dpop_proof'],
      ['/token/', '/request/', 'invalid_dpop_proof'],
    ] as const) {
      const reply = await askToken(bound, fields, await proof({ url: service.issuer + htu }), path);
      assert.deepEqual([reply.status, reply.body['error']], [400, error], `${path} ${htu}`);
    }
    const token = await boundToken();
    for (const [htu, status] of [
      ['/me', 200],
      ['/me/', 200],
      ['/token/', 401],
    ] as const) {
      const dpop = await proofFor(token, { url: service.issuer + htu });
      const reply = await send(`${me()}/`, { headers: { authorization: `DPoP ${token}`, dpop } });
      assert.equal(reply.status, status, htu);
    }
  });

  it('gets none for a replayed proof', async () => {
    const once = await proof({});
    assert.equal((await askToken(bound, codeFields(bound, await signIn(bound)), once)).status, 200);
    const again = await askToken(bound, codeFields(bound, await signIn(bound)), once);
    assert.deepEqual([again.status, again.body['access_token']], [400, undefined]);
  });

  it('with dpop_jkt gets tokens for that key only (section 10)', async () => {
    const dpopJkt = await calculateJwkThumbprint(await publicKey(key));
    const fields = codeFields(bound, await signIn(bound, { dpop_jkt: dpopJkt }));
    const other = await askToken(bound, fields, await proof({ by: otherKey }));
    assert.deepEqual([other.status, other.body['error']], [400, 'invalid_grant']);
  });
});

describe('the refresh token of a public client (section 5)', () => {
  const begin = async (dpop?: string): Promise<string> => {
    const reply = await askToken(phone, codeFields(phone, await signIn(phone, OFFLINE)), dpop);
    return z.string().parse(reply.body['refresh_token']);
  };
  const refresh = (token: string, dpop?: string): Promise<Reply> =>
    askToken(phone, { grant_type: 'refresh_token', refresh_token: token }, dpop);

  it('is bound to the key: another key fails, and the owner can still refresh', async () => {
    const token = await begin(await proof({}));
    const none = await refresh(token);
    assert.deepEqual([none.status, none.body['error']], [400, 'invalid_grant']);
    const attacker = await refresh(token, await proof({ by: otherKey }));
    assert.deepEqual([attacker.status, attacker.body['error']], [400, 'invalid_grant']);
    const owner = await refresh(token, await proof({}));
    assert.equal(owner.status, 200);
    const next = z.string().parse(owner.body['refresh_token']);
    assert.equal((await refresh(next, await proof({ by: otherKey }))).status, 400, 'the rotated one is bound as well');
    assert.equal((await refresh(next, await proof({}))).status, 200);
  });

  it('of a client with a secret is bound to the secret, so the key may change', async () => {
    const reply = await askToken(bound, codeFields(bound, await signIn(bound, OFFLINE)), await proof({}));
    const fields = { grant_type: 'refresh_token', refresh_token: z.string().parse(reply.body['refresh_token']) };
    const next = await askToken(bound, fields, await proof({ by: otherKey }));
    assert.equal(next.status, 200);
    const token = z.string().parse(next.body['access_token']);
    assert.equal((await ask(token, await proofFor(token))).status, 401, 'of the old key');
    assert.equal((await ask(token, await proofFor(token, { by: otherKey }))).status, 200);
  });
});
