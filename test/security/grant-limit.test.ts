/** Repeated requests with `prompt=none` cannot create an unlimited number of grants. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { MINUTE_MS } from '../../src/domain/duration.ts';
import {
  MAX_GRANTS_PER_SESSION_AND_CLIENT,
  MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT,
} from '../../src/domain/sessions.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { insertGrant } from '../../src/store/oidc/grants.ts';
import {
  runAuthorization,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  textIn,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const scopes = ['openid', 'profile', 'offline_access'];
const options = () => ({
  clients: [createRegistration('app', secret, { scopes }), createRegistration('other', secret, { scopes })],
});
const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };

eachService('grants of one session and client', options, (running) => {
  let app: TestParty;
  let other: TestParty;
  before(async () => {
    app = await createParty(running().issuer, { id: 'app', secret, scope: 'openid profile' });
    other = await createParty(running().issuer, { id: 'other', secret, scope: 'openid profile' });
  });

  const silently = async (httpBrowser: HttpBrowser, party = app): Promise<Reply> =>
    redeem(party, await runAuthorization(party, httpBrowser, { parameters: { prompt: 'none' } }));
  const firstOf = async (httpBrowser: HttpBrowser, login: string, parameters = {}, party = app): Promise<Reply> =>
    redeem(party, await runAuthorization(party, httpBrowser, { login, parameters }));
  const isAlive = async (reply: Reply, party = app): Promise<boolean> =>
    (await userinfo(party, textIn(reply, 'access_token'))).status === 200;
  const countRows = (name: 'G5' | 'T1' | 'T2' | 'A1' | 'A2'): Promise<{ grants: number; records: number }> =>
    running().container.store.read(async (tx) => {
      const grants = await tx.db.select().from(tx.tables.grants);
      const records = await tx.db.select().from(tx.tables.oidcRecords);
      const id = personId(name);
      return {
        grants: grants.filter((one) => one.personId === id && one.clientId === 'app').length,
        records: records.filter((one) => one.model === 'Grant' && one.accountId === id && one.clientId === 'app')
          .length,
      };
    });

  it(`are at most ${String(MAX_GRANTS_PER_SESSION_AND_CLIENT)}: another revokes the oldest, leaving no row`, async () => {
    const [httpBrowser, phone] = [createHttpBrowser(running().issuer), createHttpBrowser(running().issuer)];
    const elsewhere = await firstOf(phone, LOGIN.G5);
    const replies = [await firstOf(httpBrowser, LOGIN.G5)];
    const ofOther = await silently(httpBrowser, other);
    while (replies.length < MAX_GRANTS_PER_SESSION_AND_CLIENT) replies.push(await silently(httpBrowser));
    for (const reply of replies) assert.equal(await isAlive(reply), true);
    replies.push(await silently(httpBrowser), await silently(httpBrowser));
    const alive = await Promise.all(replies.map((reply) => isAlive(reply)));
    assert.deepEqual(alive, [false, false, ...replies.slice(2).map(() => true)]);
    assert.deepEqual([await isAlive(elsewhere), await isAlive(ofOther, other)], [true, true]);
    const rows = MAX_GRANTS_PER_SESSION_AND_CLIENT + 1;
    assert.deepEqual(await countRows('G5'), { grants: rows, records: rows });
    const [oldest, newest] = [replies[0], replies.at(-1)];
    assert.ok(oldest && newest);
    assert.equal(idClaims(newest.body)['sid'], idClaims(oldest.body)['sid'], 'the app keeps its session');
  });

  it('keep the limit under concurrent requests', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    await firstOf(httpBrowser, LOGIN.T1);
    await Promise.all(Array.from({ length: MAX_GRANTS_PER_SESSION_AND_CLIENT + 10 }, () => silently(httpBrowser)));
    assert.equal((await countRows('T1')).grants, MAX_GRANTS_PER_SESSION_AND_CLIENT);
  });

  it('do not revoke a refresh token, however often the app asks without offline_access', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    const kept = await firstOf(httpBrowser, LOGIN.T2, OFFLINE);
    for (let i = 0; i <= MAX_GRANTS_PER_SESSION_AND_CLIENT; i += 1) await silently(httpBrowser);
    assert.equal((await refresh(app, textIn(kept, 'refresh_token'))).status, 200);
    assert.equal((await countRows('T2')).grants, MAX_GRANTS_PER_SESSION_AND_CLIENT + 1);
  });

  it('without a token are revoked before older grants with an active token', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    const kept = await firstOf(httpBrowser, LOGIN.A2);
    const offline = await firstOf(httpBrowser, LOGIN.A2, OFFLINE);
    for (let i = 0; i <= MAX_GRANTS_PER_SESSION_AND_CLIENT; i += 1) {
      await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } });
      await runAuthorization(app, httpBrowser, { parameters: OFFLINE });
    }
    assert.equal(await isAlive(kept), true);
    assert.equal((await refresh(app, textIn(offline, 'refresh_token'))).status, 200);
    assert.equal((await countRows('A2')).grants, 2 * MAX_GRANTS_PER_SESSION_AND_CLIENT);
  });

  it('with offline_access are limited over all sessions of a person, also those that ended', async () => {
    const { store } = running().container;
    const now = Date.now();
    await store.write(async (tx) => {
      for (let i = 0; i < MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT; i += 1) {
        const grant = { personId: personId('A1'), clientId: 'app', sessionHash: hashId(String(i)) };
        const times = { createdAt: now - MINUTE_MS + i, expiresAt: now + MINUTE_MS };
        await insertGrant(tx, { grantHash: `old ${String(i)}`, scopes: 'openid offline_access', ...grant, ...times });
      }
    });
    await firstOf(createHttpBrowser(running().issuer), LOGIN.A1);
    assert.equal((await countRows('A1')).grants, MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT + 1);
    const newest = await firstOf(createHttpBrowser(running().issuer), LOGIN.A1, OFFLINE);
    assert.equal((await refresh(app, textIn(newest, 'refresh_token'))).status, 200);
    assert.equal((await countRows('A1')).grants, MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT + 1);
    const left = await store.read((tx) => tx.db.select({ hash: tx.tables.grants.grantHash }).from(tx.tables.grants));
    assert.equal(
      left.some(({ hash }) => hash === 'old 0'),
      false,
    );
    assert.equal(
      left.some(({ hash }) => hash === 'old 1'),
      true,
    );
  });
});
