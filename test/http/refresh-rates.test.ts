/** The limits of refreshes, and what a consumed refresh token stores. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { decodeJwt } from 'jose';
import * as client from 'openid-client';

import { GRANT_REFRESH_POLICY, PERSON_REFRESH_POLICY } from '../../src/domain/throttling/request-rates.ts';
import { openPayload } from '../../src/platform/crypto/sealed-payload.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import {
  LOGIN,
  redeem,
  refresh,
  runAuthorization,
  textIn,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { withoutRequestId } from '../helpers/audit-chain.ts';
import { personId } from '../helpers/city.ts';
import { freezeTime, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const AT_ONCE = 20;
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const scopes = ['openid', 'profile', 'offline_access'];
const captured = createCapturedLog();
let time: FrozenTime;
before(() => {
  // A counter drains while the time passes.
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'a refresh',
  () => ({
    log: captured.log,
    clients: [
      createRegistration('app', newSecret(), { scopes, client_secret_sha256: [], token_endpoint_auth_method: 'none' }),
      createRegistration('server', secret, { scopes }),
    ],
  }),
  (running) => {
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', scope: 'openid profile' });
    });
    const authorize = async (login: string, parameters = {}, httpBrowser?: HttpBrowser): Promise<Reply> => {
      const own = httpBrowser ?? createHttpBrowser(running().issuer);
      return redeem(app, await runAuthorization(app, own, { login, parameters: { ...OFFLINE, ...parameters } }));
    };
    const startToken = async (login: string, parameters = {}): Promise<string> =>
      textIn(await authorize(login, parameters), 'refresh_token');
    const listTokens = () => {
      const { store } = running().container;
      return store.read(async (tx) =>
        (await tx.db.select().from(tx.tables.oidcRecords)).filter(({ model }) => model === 'RefreshToken'),
      );
    };
    const findToken = async (token: string) => {
      const found = (await listTokens()).find(({ idHash }) => idHash === hashId(token));
      assert.ok(found);
      return found;
    };
    const reuseReasons = async (name: 'A1' | 'G2' | 'G3') => {
      const { store } = running().container;
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit));
      return rows
        .filter(({ event, subjectId }) => event === 'grant.revoked' && subjectId === personId(name))
        .map(({ detail }) => withoutRequestId(detail));
    };
    const countLimited = async (): Promise<number> => {
      const text = await running().container.metrics.registry.metrics();
      return Number(/kinpass_rate_limited_total\{endpoint="refresh"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    /** Uses the budget of a person except for `rest` refreshes, with other grants. */
    const fillPerson = (name: 'S1' | 'A1' | 'G5', rest: number): void => {
      for (let i = 0; i < PERSON_REFRESH_POLICY.capacity - rest; i += 1) {
        running().container.rateLimiter.admitRefresh({ grantHash: String(i), personId: personId(name) });
      }
    };
    const assertLimited = ({ status, body, headers }: Reply, retryAfter: string): void => {
      assert.deepEqual(
        [status, body['error'], headers.get('retry-after')],
        [429, 'temporarily_unavailable', retryAfter],
      );
    };

    it('is limited by grant: 429 with Retry-After, log and metric, and the token stays valid', async () => {
      let token = await startToken(LOGIN.T2);
      const other = await startToken(LOGIN.T2);
      for (let i = 0; i < GRANT_REFRESH_POLICY.capacity; i += 1) {
        token = textIn(await refresh(app, token), 'refresh_token');
      }
      const before = [(await listTokens()).length, await countLimited()] as const;
      assertLimited(await refresh(app, token), '30');
      assertLimited(await refresh(app, token), '30');
      assert.deepEqual([(await listTokens()).length, await countLimited()], [before[0], before[1] + 2]);
      assert.equal((await findToken(token)).consumedAt, null);
      assert.match(captured.text(), /"event":"grant.error","clientId":"app","error":"temporarily_unavailable"/);
      assert.equal((await refresh(app, other)).status, 200, 'another grant');
      time.advance(GRANT_REFRESH_POLICY.leakIntervalMs);
      token = textIn(await refresh(app, token), 'refresh_token');
      assertLimited(await refresh(app, token), '30');
    });

    it('without rotation is limited by grant too', async () => {
      const server = await createParty(running().issuer, { id: 'server', scope: 'openid', secret });
      const begun = await runAuthorization(server, createHttpBrowser(running().issuer), {
        login: LOGIN.T1,
        parameters: OFFLINE,
      });
      const token = textIn(await redeem(server, begun), 'refresh_token');
      const statuses = await Promise.all(
        Array.from({ length: GRANT_REFRESH_POLICY.capacity }, async () => (await refresh(server, token)).status),
      );
      assert.deepEqual(statuses, Array<number>(GRANT_REFRESH_POLICY.capacity).fill(200));
      assertLimited(await refresh(server, token), '30');
      time.advance(GRANT_REFRESH_POLICY.leakIntervalMs);
      assert.equal(textIn(await refresh(server, token), 'refresh_token'), token);
    });

    it('is limited by person for all grants together', async () => {
      const token = await startToken(LOGIN.S1);
      fillPerson('S1', 0);
      assertLimited(await refresh(app, token), '3');
      assert.equal((await refresh(app, await startToken(LOGIN.G4))).status, 200, 'another person');
      time.advance(PERSON_REFRESH_POLICY.leakIntervalMs);
      assert.equal((await refresh(app, token)).status, 200);
    });

    it(`does not exceed the limit of the person when ${String(AT_ONCE)} grants refresh in parallel`, async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const tokens: string[] = [];
      for (let i = 0; i < AT_ONCE; i += 1) {
        tokens.push(textIn(await authorize(LOGIN.G5, {}, httpBrowser), 'refresh_token'));
      }
      fillPerson('G5', 5);
      const before = (await listTokens()).length;
      const replies = await Promise.all(tokens.map((token) => refresh(app, token)));
      const statuses = replies.map(({ status }) => status).sort((a, b) => a - b);
      assert.deepEqual(statuses, [...Array<number>(5).fill(200), ...Array<number>(AT_ONCE - 5).fill(429)]);
      const rows = await listTokens();
      assert.equal(rows.length, before + 5);
      const consumed = tokens.filter((token) => rows.some((row) => row.idHash === hashId(token) && row.consumedAt));
      assert.equal(consumed.length, 5);
    });

    it('with a consumed token revokes the grant, also above the limit', async () => {
      const first = await startToken(LOGIN.A1);
      const second = await refresh(app, first);
      fillPerson('A1', 1);
      assertLimited(await refresh(app, textIn(second, 'refresh_token')), '3');
      assert.equal((await refresh(app, first)).body['error'], 'invalid_grant');
      assert.deepEqual(await reuseReasons('A1'), [{ reason: 'refresh_token_reuse' }]);
      assert.equal((await userinfo(app, textIn(second, 'access_token'))).status, 401);
    });

    it('reduces the consumed token to the fields of the reuse detection', async () => {
      const claims = JSON.stringify({
        id_token: { name: null, nickname: { essential: true, value: 'n'.repeat(400) } },
      });
      const first = await startToken(LOGIN.G3, { claims });
      const before = await findToken(first);
      const second = await refresh(app, first);
      const kept = await findToken(first);
      const opened = openPayload(running().container.secrets, 'RefreshToken', kept);
      assert.ok(typeof opened === 'object' && opened !== null);
      assert.deepEqual(Object.keys(opened).sort(), ['accountId', 'clientId', 'exp', 'grantId', 'jti', 'scope']);
      assert.ok(kept.payload.length < 500, `${String(before.payload.length)} → ${String(kept.payload.length)}`);
      assert.deepEqual(
        [kept.grantHash, kept.accountId, kept.clientId, kept.expiresAt],
        [before.grantHash, before.accountId, before.clientId, before.expiresAt],
      );
      const third = await refresh(app, textIn(second, 'refresh_token'));
      assert.ok('name' in decodeJwt(textIn(third, 'id_token')), 'the next tokens keep the claims request');
      assert.equal((await refresh(app, first)).body['error'], 'invalid_grant');
      assert.deepEqual(await reuseReasons('G3'), [{ reason: 'refresh_token_reuse' }]);
      assert.equal((await refresh(app, textIn(third, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.equal((await userinfo(app, textIn(third, 'access_token'))).status, 401);
    });

    it('with a DPoP-bound token does not rotate, and without the key revokes nothing', async () => {
      const DPoP = client.getDPoPHandle(app.config, await client.randomDPoPKeyPair('ES256'));
      const begun = await runAuthorization(app, createHttpBrowser(running().issuer), {
        login: LOGIN.G2,
        parameters: OFFLINE,
      });
      const token = (await begun.finish(begun.answer, { dpop: DPoP })).refresh_token ?? '';
      const renew = async (): Promise<unknown> =>
        (await client.refreshTokenGrant(app.config, token, {}, { DPoP })).refresh_token;
      assert.equal(await renew(), token);
      assert.equal((await refresh(app, token)).body['error'], 'invalid_grant');
      assert.deepEqual([await renew(), await renew()], [token, token]);
      assert.deepEqual(await reuseReasons('G2'), []);
    });
  },
);
