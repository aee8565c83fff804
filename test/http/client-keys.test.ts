/** Keys that a client changes at its `jwks_uri`, and key servers that fail. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { z } from 'zod';

import { HOUR_MS, MINUTE_MS } from '../../src/domain/duration.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { freePort } from '../helpers/ports.ts';
import { createRegistration } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const UNREACHABLE = 'failed to load the jwks_uri of the client; try again in a minute';
const UNKNOWN = 'client_assertion kid is not in the jwks_uri of the client, which is loaded once a minute';

const reply = z.object({ error: z.string(), error_description: z.string() });

interface Key {
  privateKey: CryptoKey;
  jwk: JWK;
}

async function createKey(kid: string | undefined): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), ...(kid === undefined ? {} : { kid }) } };
}

describe('the jwks_uri of a client', () => {
  let service: TestService;
  let keyServer: Server;
  let answer: { status: number; body: string; location?: string };
  let requests: number;
  let offsetMs = 0;
  const kept = createCapturedLog();
  let one: Key;
  let two: Key;
  /** A new client for each test, because its requests are counted. */
  const ids = Array.from({ length: 10 }, (_, index) => `signer-${String(index)}`);
  let id: string;

  before(async () => {
    [one, two] = await Promise.all([createKey('one'), createKey('two')]);
    const port = await freePort();
    keyServer = createServer((request, response) => {
      requests += 1;
      const { status, body, location } = request.url === '/moved' ? { ...answer, status: 200 } : answer;
      response.writeHead(status, {
        ...{ 'content-type': 'application/json', 'cache-control': 'max-age=864000' },
        ...(location === undefined ? {} : { location }),
      });
      response.end(body);
    }).listen(port, '127.0.0.1');
    await once(keyServer, 'listening');
    service = await startService({
      city: false,
      log: kept.log,
      clock: { now: () => Date.now() + offsetMs },
      clients: ids.map((clientId) =>
        createRegistration(clientId, '', {
          scopes: ['openid', 'offline_access'],
          token_endpoint_auth_method: 'private_key_jwt',
          client_secret_sha256: [],
          jwks_uri: `http://127.0.0.1:${String(port)}/${clientId}`,
        }),
      ),
    });
  });
  after(async () => {
    await service.stop();
    keyServer.close();
  });
  beforeEach(() => {
    id = ids.pop() ?? assert.fail('more clients are needed');
    requests = 0;
    publish(one);
  });

  const publish = (...keys: Key[]): void => {
    answer = { status: 200, body: JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }) };
  };
  /** Returns `invalid_grant` if the assertion is accepted, because the refresh token is invented; otherwise why it is not. */
  const authenticate = async ({ privateKey, jwk }: Key, kid = jwk.kid): Promise<unknown> => {
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', ...(kid === undefined ? {} : { kid }) })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(service.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    const response = await fetch(`${service.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'invented',
        client_assertion: assertion,
        client_assertion_type: ASSERTION,
      }),
    });
    const body = reply.parse(await response.json());
    if (body.error === 'invalid_grant') return 'accepted';
    assert.deepEqual([response.status, body.error], [401, 'invalid_client']);
    return body.error_description;
  };
  const skipMinute = (): void => {
    offsetMs += MINUTE_MS;
  };

  it('is loaded again at once for an unknown kid, whatever its cache header says', async () => {
    assert.equal(await authenticate(one), 'accepted');
    skipMinute();
    publish(one, two);
    assert.deepEqual([await authenticate(two), await authenticate(one), requests], ['accepted', 'accepted', 2]);
  });

  it('is loaded at most once a minute for assertions with unknown kids', async () => {
    const unknown = await createKey('unknown');
    assert.equal(await authenticate(one), 'accepted');
    skipMinute();
    const answers = await Promise.all(Array.from({ length: 8 }, () => authenticate(unknown)));
    assert.deepEqual([new Set(answers), requests], [new Set([UNKNOWN]), 2]);
    publish(two);
    assert.deepEqual([await authenticate(two), requests], [UNKNOWN, 2]);
    skipMinute();
    assert.deepEqual([await authenticate(two), requests], ['accepted', 3]);
  });

  it('that fails keeps the old keys, and says so to assertions with other ones', async () => {
    assert.equal(await authenticate(one), 'accepted');
    for (const broken of [
      { status: 500, body: '{}' },
      { status: 200, body: 'no JSON' },
      { status: 200, body: '{"keys":[{"kty":"EC"}]}' },
    ]) {
      skipMinute();
      answer = broken;
      assert.deepEqual([await authenticate(two), await authenticate(one)], [UNREACHABLE, 'accepted'], broken.body);
      assert.equal(await authenticate(two), UNREACHABLE);
    }
    assert.equal(requests, 4);
    assert.match(kept.text(), /"clientId":"signer-\d","msg":"failed to load the keys of a client"/);
  });

  it('that has never answered is asked once a minute', async () => {
    answer = { status: 503, body: '' };
    assert.deepEqual([await authenticate(one), await authenticate(one), requests], [UNREACHABLE, UNREACHABLE, 1]);
    publish(one);
    skipMinute();
    assert.deepEqual([await authenticate(one), requests], ['accepted', 2]);
  });

  it('is loaded again after an hour at the latest, so a removed key is refused', async () => {
    assert.equal(await authenticate(one), 'accepted');
    publish(two);
    offsetMs += HOUR_MS - MINUTE_MS;
    assert.deepEqual([await authenticate(one), requests], ['accepted', 1]);
    skipMinute();
    assert.deepEqual([await authenticate(one), await authenticate(two), requests], [UNKNOWN, 'accepted', 2]);
  });

  it('is refused with a redirect, or with more than 64 KiB', async () => {
    const { body } = answer;
    answer = { status: 302, body, location: '/moved' };
    assert.deepEqual([await authenticate(one), requests], [UNREACHABLE, 1]);
    for (const [bytes, outcome] of [
      [64 * 1024 + 1, UNREACHABLE],
      [64 * 1024, 'accepted'],
    ] as const) {
      skipMinute();
      answer = { status: 200, body: body.padEnd(bytes) };
      assert.equal(await authenticate(one), outcome);
    }
  });

  it('may have a key without kid', async () => {
    const bare = await createKey(undefined);
    publish(bare);
    assert.deepEqual([await authenticate(bare), await authenticate(bare), requests], ['accepted', 'accepted', 1]);
  });

  it('does not let a client sign with another key under a known kid', async () => {
    assert.equal(await authenticate({ ...two, jwk: one.jwk }), 'client authentication failed');
  });
});
