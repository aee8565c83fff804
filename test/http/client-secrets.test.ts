/** Rotation of client secrets: the old secret is valid during the overlap, and an ended one at no endpoint. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, it } from 'node:test';

import { SECRET_OVERLAP_MS } from '../../src/domain/client-secret.ts';
import * as clientStore from '../../src/store/oidc/clients.ts';
import { codeOf, LOGIN, redeem, runAuthorization } from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const ID = 'rotated';
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const PUSHED = {
  ...{ client_id: ID, response_type: 'code', scope: 'openid', redirect_uri: `https://${ID}.example/callback` },
  ...{ code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' },
};
/** Each request that a client authenticates, with the answer to a valid secret. */
const REQUESTS: [path: string, fields: Record<string, string>, accepted: number][] = [
  ['/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: PUSHED.redirect_uri }, 400],
  ['/token', { grant_type: 'refresh_token', refresh_token: 'x' }, 400],
  ['/token', { grant_type: DEVICE_GRANT, device_code: 'x' }, 400],
  ['/request', PUSHED, 201],
  ['/token/introspection', { token: 'x' }, 200],
  ['/token/revocation', { token: 'x' }, 200],
  ['/device/auth', { scope: 'openid' }, 200],
];

eachService(
  'a rotated client secret',
  () => ({ clients: [] }),
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });

    interface Secrets {
      current: string;
      previous: string | null;
      until?: number;
    }
    const store = async ({ current, previous, until }: Secrets): Promise<void> => {
      const now = Date.now();
      const secrets = {
        secretHash: hashOf(current),
        previousSecretHash: previous === null ? null : hashOf(previous),
        previousSecretUntil: until ?? null,
      };
      const scopes = ['openid', 'offline_access'];
      const registration = { ...{ client_id: ID, client_name: ID }, first_party: true, device_flow: true };
      const isUpdated = await running().container.store.write(async (tx) => {
        const row = await clientStore.findClient(tx, ID);
        if (row !== undefined) return clientStore.updateClient(tx, row, { ...secrets, updatedAt: now });
        return clientStore.insertClientIfAbsent(tx, {
          ...{ clientId: ID, secretHash: secrets.secretHash, createdAt: now, updatedAt: now },
          registration: { ...registration, scopes, redirect_uris: [PUSHED.redirect_uri] },
        });
      });
      assert.equal(isUpdated, true);
    };
    const rotate = (previous: string, current: string): Promise<void> =>
      store({ current, previous, until: Date.now() + SECRET_OVERLAP_MS });

    const assertSecret = async (secret: string, isValid: boolean): Promise<void> => {
      for (const [path, fields, accepted] of REQUESTS) {
        const basic = `Basic ${Buffer.from(`${ID}:${secret}`).toString('base64')}`;
        const response = await fetch(running().issuer + path, {
          method: 'POST',
          body: new URLSearchParams(fields),
          headers: { authorization: basic },
        });
        const body = await response.text();
        assert.equal(response.status, isValid ? accepted : 401, `${path} ${body}`);
        assert.equal(body.includes('"invalid_client"'), !isValid, `${path} ${body}`);
      }
    };
    const party = (secret: string): Promise<TestParty> =>
      createParty(running().issuer, { id: ID, scope: 'openid', secret });

    it('is accepted at each endpoint until its overlap ends, and at none afterwards', async () => {
      const [old, fresh] = [newSecret(), newSecret()];
      await store({ current: old, previous: null });
      await assertSecret(old, true);
      await assertSecret(fresh, false);
      await rotate(old, fresh);
      await assertSecret(fresh, true);
      time.advance(SECRET_OVERLAP_MS - SECOND);
      await assertSecret(old, true);
      time.advance(SECOND);
      await assertSecret(old, false);
      await assertSecret(fresh, true);
    });

    it('is accepted at no endpoint when it was ended, or rotated a second time', async () => {
      const [first, second, third] = [newSecret(), newSecret(), newSecret()];
      await rotate(first, second);
      await rotate(second, third);
      await assertSecret(first, false);
      await assertSecret(second, true);
      await store({ current: third, previous: null });
      await assertSecret(second, false);
      await assertSecret(third, true);
      await assertSecret(hashOf(third), false);
      await assertSecret(`${hashOf(third)} ${hashOf(second)}`, false);
    });

    it('redeems no code, also not one that was requested with it', async () => {
      const [old, fresh] = [newSecret(), newSecret()];
      await rotate(newSecret(), old);
      const app = await party(old);
      const login = { login: LOGIN.T2 };
      const entered = await runAuthorization(app, createHttpBrowser(running().issuer), login);
      codeOf(entered.answer);
      await store({ current: fresh, previous: null });
      const refused = await redeem(app, entered);
      assert.deepEqual([refused.status, refused.body['error']], [401, 'invalid_client']);
      assert.equal((await redeem(await party(fresh), entered)).status, 200, 'the code was not consumed');
    });
  },
);
