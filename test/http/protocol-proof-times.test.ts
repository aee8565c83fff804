/** Limits of the times in client assertions and DPoP proofs, and the lifetime of replay records. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { z } from 'zod';

import { systemClock } from '../../src/domain/clock.ts';
import { startPurgeJob } from '../../src/jobs/purge.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { codeOf, runAuthorization, LOGIN } from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const secret = newSecret();
const key = await generateKeyPair('ES256', { extractable: true });
const jwk = await exportJWK(key.publicKey);
const seconds = (): number => Math.floor(Date.now() / 1000);
const sign = (payload: Record<string, unknown>, header: object, by: CryptoKey = key.privateKey): Promise<string> =>
  new SignJWT({ jti: randomUUID(), iat: seconds(), ...payload })
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(by);

interface Reply {
  status: number;
  error: unknown;
  description: unknown;
  challenge: string;
  body: Record<string, unknown>;
}

async function send(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  const body = z.record(z.string(), z.unknown()).parse(text === '' ? {} : JSON.parse(text));
  const challenge = response.headers.get('www-authenticate') ?? '';
  return { status: response.status, error: body['error'], description: body['error_description'], challenge, body };
}

const signer = {
  token_endpoint_auth_method: 'private_key_jwt',
  client_secret_sha256: [],
  jwks: { keys: [{ ...jwk, kid: 'one', use: 'sig', alg: 'ES256' }] },
};
const options = (): { clients: object[] } => ({
  clients: [
    createRegistration('signer', secret, { scopes: ['openid', 'offline_access'], ...signer }),
    createRegistration('fapi', secret, {
      scopes: ['openid', 'offline_access'],
      ...signer,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    }),
    createRegistration('bound', secret, { scopes: ['openid'], dpop_bound_access_tokens: true }),
  ],
});

eachService('the time in a signed JWT of a client', options, (running) => {
  let frozen: FrozenTime;
  before(() => {
    frozen = freezeTime();
  });
  after(() => {
    frozen.release();
  });

  const assertionOf = (client: string, claims: Record<string, unknown> = {}): Promise<string> =>
    sign({ iss: client, sub: client, aud: running().issuer, exp: seconds() + 60, ...claims }, { kid: 'one' });
  /** Refreshes with an unknown token: a valid assertion gets invalid_grant. */
  const present = (assertion: string): Promise<Reply> =>
    send(`${running().issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'invented',
        client_assertion: assertion,
        client_assertion_type: ASSERTION_TYPE,
      }),
    });
  const basic = `Basic ${Buffer.from(`bound:${secret}`).toString('base64')}`;
  const proofOf = (method: string, path: string, claims: Record<string, unknown> = {}): Promise<string> =>
    sign({ htm: method, htu: running().issuer + path, ...claims }, { typ: 'dpop+jwt', jwk });
  const push = (proof: string): Promise<Reply> =>
    send(`${running().issuer}/request`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'bound',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: 'https://bound.example/callback',
        code_challenge: createHash('sha256').update(secret).digest('base64url'),
        code_challenge_method: 'S256',
      }),
      headers: { authorization: basic, dpop: proof },
    });
  const redeemer = async (): Promise<(proof: string) => Promise<Reply>> => {
    const party = await createParty(running().issuer, { id: 'bound', scope: 'openid', secret });
    const { answer, verifier } = await runAuthorization(party, createHttpBrowser(running().issuer), {
      login: LOGIN.T2,
    });
    const fields = {
      grant_type: 'authorization_code',
      code: codeOf(answer),
      redirect_uri: party.redirectUri,
      code_verifier: verifier,
    };
    return (proof) =>
      send(`${running().issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { authorization: basic, dpop: proof },
      });
  };
  const openUserInfo = (token: string, proof: string): Promise<Reply> =>
    send(`${running().issuer}/me`, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
  const boundToken = async (): Promise<string> => {
    const redeem = await redeemer();
    return z.string().parse((await redeem(await proofOf('POST', '/token'))).body['access_token']);
  };
  const athOf = (token: string): { ath: string } => ({ ath: createHash('sha256').update(token).digest('base64url') });
  /** Runs the purge job once. */
  const purge = async (): Promise<void> => {
    const { store, secrets } = running().container;
    const log = createLogger('silent');
    const metrics = createMetrics({ queueLength: () => 0 }, log);
    await startPurgeJob({ store, secrets, clock: systemClock, log, metrics }).stop();
  };

  for (const client of ['signer', 'fapi']) {
    it(`an assertion of ${client} dated more than 60 seconds ahead gets a described invalid_client`, async () => {
      for (const ahead of [61, 3_000]) {
        const reply = await present(await assertionOf(client, { iat: seconds() + ahead, exp: seconds() + 3_500 }));
        assert.deepEqual(
          [reply.status, reply.error, reply.description],
          [401, 'invalid_client', 'client_assertion iat must be at most 60 seconds ahead'],
        );
      }
    });

    it(`an assertion of ${client} dated 60 seconds ahead, long ago, or not at all is accepted`, async () => {
      for (const iat of [seconds() + 60, seconds() - 3_000, undefined]) {
        assert.equal((await present(await assertionOf(client, { iat }))).error, 'invalid_grant', String(iat));
      }
    });
  }

  it('an assertion with nbf ahead, or exp more than an hour ahead, gets invalid_client', async () => {
    assert.equal((await present(await assertionOf('signer', { nbf: seconds() + 61 }))).error, 'invalid_client');
    assert.equal((await present(await assertionOf('signer', { nbf: seconds() + 10 }))).error, 'invalid_grant');
    const { error, description } = await present(await assertionOf('signer', { exp: seconds() + 3_601 }));
    assert.deepEqual([error, description], ['invalid_client', 'client_assertion exp must be at most 60 minutes ahead']);
  });

  it('an exp with a fraction is accepted, once', async () => {
    const assertion = await assertionOf('signer', { exp: seconds() + 60.123456 });
    assert.equal((await present(assertion)).error, 'invalid_grant');
    assert.equal((await present(assertion)).error, 'invalid_client');
  });

  it('a DPoP proof dated more than 60 seconds ahead gets invalid_dpop_proof at each endpoint', async () => {
    const sentence = 'DPoP proof iat must be at most 60 seconds ahead';
    const token = await boundToken();
    const redeem = await redeemer();
    for (const ahead of [61, 299]) {
      const iat = seconds() + ahead;
      for (const reply of [
        await push(await proofOf('POST', '/request', { iat })),
        await redeem(await proofOf('POST', '/token', { iat })),
      ]) {
        assert.deepEqual([reply.status, reply.error, reply.description], [400, 'invalid_dpop_proof', sentence]);
      }
      const info = await openUserInfo(token, await proofOf('GET', '/me', { iat, ...athOf(token) }));
      assert.deepEqual([info.status, info.error], [401, 'invalid_dpop_proof']);
      assert.match(info.challenge, /^DPoP .*error="invalid_dpop_proof"/);
    }
    const iat = seconds() + 60;
    assert.equal((await push(await proofOf('POST', '/request', { iat }))).status, 201);
    assert.equal((await openUserInfo(token, await proofOf('GET', '/me', { iat, ...athOf(token) }))).status, 200);
    assert.equal((await redeem(await proofOf('POST', '/token', { iat }))).status, 200, 'the code is not consumed');
  });

  it('a DPoP proof does not bring the limits of stored requests to the token endpoint', async () => {
    const assertion = await assertionOf('signer', { note: 'x'.repeat(600) });
    const { status, error } = await send(`${running().issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'invented',
        client_assertion: assertion,
        client_assertion_type: ASSERTION_TYPE,
      }),
      headers: { dpop: await proofOf('POST', '/token') },
    });
    assert.deepEqual([status, error], [400, 'invalid_grant']);
  });

  it('a used assertion stays stored as long as it would be accepted, also after a purge', async () => {
    const exp = seconds() + 120;
    const assertion = await assertionOf('signer', { exp });
    assert.equal((await present(assertion)).error, 'invalid_grant');
    // The provider tolerates 15 seconds: it accepts the assertion up to the end of the second exp + 14.
    for (const at of [seconds(), exp - 1, exp + 14]) {
      frozen.advance(at * SECOND - Date.now() + 999);
      await purge();
      const { status, error } = await present(assertion);
      assert.deepEqual([status, error], [401, 'invalid_client'], `${String(at - exp)} s after exp`);
      assert.equal((await present(await assertionOf('signer', { exp }))).error, 'invalid_grant', 'a new one works');
    }
  });

  it('a used DPoP proof stays stored as long as it would be accepted, also after a purge', async () => {
    const iat = seconds() + 60;
    const once = await proofOf('POST', '/request', { iat });
    assert.equal((await push(once)).status, 201);
    for (const at of [seconds(), iat, iat + 299, iat + 300]) {
      frozen.advance(at * SECOND - Date.now() + 999);
      await purge();
      const reply = await push(once);
      assert.deepEqual([reply.status, reply.error], [400, 'invalid_request'], `${String(at - iat)} s after iat`);
      assert.equal((await push(await proofOf('POST', '/request', { iat }))).status, 201, 'a new one works');
    }
  });
});
