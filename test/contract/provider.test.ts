import assert from 'node:assert/strict';
import { it } from 'node:test';

import * as sessions from '../../src/store/auth/sessions.ts';
import * as grantLimits from '../../src/store/oidc/grant-limits.ts';
import * as grants from '../../src/store/oidc/grants.ts';
import * as lastContexts from '../../src/store/oidc/last-contexts.ts';
import * as keys from '../../src/store/oidc/keys.ts';
import { listModels, purgeExpired } from '../../src/store/oidc/record-purge.ts';
import { destroyByGrants, destroyByUid } from '../../src/store/oidc/record-revocation.ts';
import * as records from '../../src/store/oidc/records.ts';
import * as outbox from '../../src/store/outbox.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { withFamily } from './family.ts';

eachStore('provider records', (on) => {
  const record = (idHash: string, more: Partial<records.NewOidcRecord> = {}): records.NewOidcRecord => ({
    model: 'Session',
    idHash,
    payload: 'sealed',
    createdAt: NOW,
    expiresAt: NOW + 100,
    ...more,
  });
  const put = (...args: Parameters<typeof record>): Promise<boolean> =>
    on.store.write((tx) => records.upsertRecord(tx, record(...args)));
  const find = (idHash: string): ReturnType<typeof records.findRecord> =>
    on.store.read((tx) => records.findRecord(tx, 'Session', idHash));

  it('are found by id, uid and user code, the newest first', async () => {
    await put('a', { uidHash: 'uid', userCodeHash: 'code' });
    await put('b', { uidHash: 'uid', createdAt: NOW + 1 });
    assert.equal((await find('a'))?.payload, 'sealed');
    const [byUid, byCode, otherModel] = await on.store.read(async (tx) => [
      await records.findRecordByUid(tx, 'Session', 'uid'),
      await records.findRecordByUserCode(tx, 'Session', 'code'),
      await records.findRecordByUid(tx, 'Interaction', 'uid'),
    ]);
    assert.deepEqual([byUid?.idHash, byCode?.idHash, otherModel], ['b', 'a', undefined]);
  });

  it('stay consumed when they are saved again', async () => {
    await put('code');
    assert.equal(await on.store.write((tx) => records.consumeRecord(tx, 'Session', 'code', NOW + 5)), true);
    assert.equal(await put('code', { payload: 'again' }), true);
    assert.deepEqual([(await find('code'))?.consumedAt, (await find('code'))?.payload], [NOW + 5, 'again']);
    assert.equal(await on.store.write((tx) => records.consumeRecord(tx, 'Session', 'code', NOW + 6)), false);
  });

  it('stay destroyed when a slower request saves them again', async () => {
    await put('gone', { uidHash: 'gone-uid' });
    assert.equal(await on.store.write((tx) => records.destroyRecord(tx, 'Session', 'gone')), true);
    assert.equal(await on.store.write((tx) => records.destroyRecord(tx, 'Session', 'gone')), false);
    assert.equal(await put('gone', { uidHash: 'gone-uid' }), false);
    assert.equal(await find('gone'), undefined);
    assert.equal(await on.store.read((tx) => records.findRecordByUid(tx, 'Session', 'gone-uid')), undefined);
    assert.equal(await on.store.write((tx) => records.consumeRecord(tx, 'Session', 'gone', NOW)), false);
  });

  it('are destroyed together with their grant', async () => {
    await put('t1', { model: 'AccessToken', grantHash: 'grant' });
    await put('t2', { model: 'RefreshToken', grantHash: 'grant' });
    await put('t3', { model: 'RefreshToken', grantHash: 'other' });
    assert.equal(await on.store.write((tx) => destroyByGrants(tx, ['grant', 'unknown'])), 2);
    const left = await on.store.read((tx) => records.findRecord(tx, 'RefreshToken', 't3'));
    assert.equal(left?.grantHash, 'other');
  });

  it('of a session are destroyed under every id that it had', async () => {
    await put('s1', { uidHash: 's-uid' });
    await put('s2', { uidHash: 's-uid' });
    await put('s3', { uidHash: 's-uid', model: 'Interaction' });
    assert.equal(await on.store.write((tx) => destroyByUid(tx, 'Session', 's-uid')), 2);
    assert.deepEqual([await find('s1'), await find('s2')], [undefined, undefined]);
    assert.equal((await on.store.read((tx) => records.findRecord(tx, 'Interaction', 's3')))?.idHash, 's3');
  });

  it('are purged after their expiry, including tombstones without an expiry', async () => {
    await put('eternal', { expiresAt: null });
    await put('tombstone', { expiresAt: null });
    await on.store.write((tx) => records.destroyRecord(tx, 'Session', 'tombstone'));
    const models = await on.store.read((tx) => listModels(tx));
    const purge = async (now: number): Promise<number> => {
      const counts = models.map((model) => on.store.write((tx) => purgeExpired(tx, model, now, 3)));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    assert.equal(await purge(NOW + 99), 1);
    let purged = 0;
    for (let count = await purge(NOW + 100); count > 0; count = await purge(NOW + 100)) purged += count;
    assert.equal(purged, 10);
    assert.ok(await find('eternal'));
  });

  it('keep the browser hash of their first save', async () => {
    await put('step', { model: 'Interaction', browserHash: 'first' });
    for (const browserHash of ['second', null]) {
      assert.equal(await put('step', { model: 'Interaction', browserHash, payload: 'again' }), true);
      const found = await on.store.read((tx) => records.findRecord(tx, 'Interaction', 'step'));
      assert.deepEqual([found?.payload, found?.browserHash], ['again', 'first']);
    }
  });
});

eachStore('the store of grants and sessions', (on) => {
  withFamily(on);
  const grant = (grantHash: string, sessionHash: string, basisId: string): grants.NewGrant => ({
    grantHash,
    personId: 'father',
    clientId: 'portfolio',
    sessionHash,
    role: 'parent',
    childId: 'older',
    basisId,
    scopes: 'openid children',
    createdAt: NOW,
    expiresAt: NOW + 100,
  });
  const hashes = (rows: grants.GrantRow[]): string[] => rows.map(({ grantHash }) => grantHash);

  it('finds grants by person, session and basis', async () => {
    await on.store.write(async (tx) => {
      await grants.insertGrant(tx, { ...grant('a', 's1', 'g1'), expiresAt: NOW + 200 });
      await grants.insertGrant(tx, grant('b', 's2', 'g1'));
      await grants.insertGrant(tx, grant('c', 's2', 'g2'));
    });
    await on.store.read(async (tx) => {
      assert.deepEqual(hashes(await grants.listGrantsByPerson(tx, 'father')), ['a', 'b', 'c']);
      assert.deepEqual(hashes(await grants.listGrantsBySessions(tx, ['s2'])).sort(), ['b', 'c']);
      assert.deepEqual(hashes(await grants.listGrantsByBasis(tx, 'g1')), ['a', 'b']);
      assert.equal((await grants.findGrantWithSession(tx, 'a'))?.grant.childId, 'older');
      assert.deepEqual(hashes(await grants.listActiveGrantsByPerson(tx, 'father', NOW + 100)), ['a']);
    });
  });

  it('purges expired grants and revokes named ones', async () => {
    assert.equal(await on.store.write((tx) => grants.purgeGrants(tx, NOW + 100, 10)), 2);
    await on.store.write((tx) => grants.revokeGrants(tx, ['a', 'unknown']));
    assert.deepEqual(await on.store.read((tx) => grants.listGrantsByPerson(tx, 'father')), []);
  });

  it('finds the grants beyond a limit by the indexes of session and person', async () => {
    const newest = { grantHash: 'new', personId: 'father', clientId: 'app', sessionHash: 's1' };
    for (const isOffline of [true, false]) {
      const plan = await explainLastStatement(on.store, (tx) =>
        grantLimits.listSurplusOfSession(tx, newest, isOffline, NOW, 20),
      );
      assert.match(plan, /grants_session_idx/);
    }
    const ofPerson = await explainLastStatement(on.store, (tx) =>
      grantLimits.listSurplusOfPerson(tx, newest, NOW, 200),
    );
    assert.match(ofPerson, /grants_person_idx/);
  });

  it('stores the last context of each client', async () => {
    const put = (context: lastContexts.LastContext): Promise<void> =>
      on.store.write((tx) => lastContexts.upsertLastContext(tx, 'father', 'payment', context));
    await put({ role: 'parent', schoolCode: '993301', childId: 'older' });
    await put({ role: 'teacher', schoolCode: '993301', childId: null });
    const read = (client: string): Promise<lastContexts.LastContext | undefined> =>
      on.store.read((tx) => lastContexts.findLastContext(tx, 'father', client));
    assert.deepEqual(await read('payment'), { role: 'teacher', schoolCode: '993301', childId: null });
    assert.equal(await read('portfolio'), undefined);
  });

  it('lists active sessions and keeps a revoked session revoked', async () => {
    const session = { personId: 'father', userAgent: 'Firefox', address: '::1', remember: true } as const;
    const put = (sessionHash: string, now: number): Promise<boolean> =>
      on.store.write((tx) =>
        sessions.upsertSession(tx, { ...session, sessionHash, createdAt: now, expiresAt: NOW + 50 }, now),
      );
    assert.deepEqual([await put('s1', NOW), await put('s2', NOW + 1)], [true, true]);
    const live = (now: number): Promise<string[]> =>
      on.store.read(async (tx) =>
        (await sessions.listActiveSessionsByPerson(tx, 'father', now)).map((row) => row.sessionHash),
      );
    assert.deepEqual([await live(NOW), await live(NOW + 50)], [['s2', 's1'], []]);
    assert.equal(await on.store.write((tx) => sessions.markRevoked(tx, ['s2', 'unknown'], NOW + 2)), 1);
    assert.equal(await put('s2', NOW + 3), false);
    assert.deepEqual(await live(NOW), ['s1']);
    assert.equal((await on.store.read((tx) => sessions.findSession(tx, 's1')))?.remember, true);
    assert.equal(await on.store.write((tx) => sessions.purgeSessions(tx, NOW + 2, 1)), 0);
    assert.equal(await on.store.write((tx) => sessions.purgeSessions(tx, NOW + 3, 1)), 1);
    assert.equal(await on.store.read((tx) => sessions.findSession(tx, 's2')), undefined);
    assert.equal(await on.store.write((tx) => sessions.purgeSessions(tx, NOW + 100, 1)), 0);
    assert.ok(await on.store.read((tx) => sessions.findSession(tx, 's1')), 'its relying parties were not notified yet');
  });

  it('renews a session until its last millisecond', async () => {
    const session = { personId: 'father', userAgent: '', address: '', remember: true, createdAt: NOW } as const;
    const renew = (now: number, expiresAt: number): Promise<boolean> =>
      on.store.write((tx) => sessions.upsertSession(tx, { ...session, sessionHash: 'renewed', expiresAt }, now));
    assert.deepEqual([await renew(NOW, NOW + 50), await renew(NOW + 49, NOW + 99)], [true, true]);
    assert.equal(await renew(NOW + 99, NOW + 149), false);
    assert.equal((await on.store.read((tx) => sessions.findSession(tx, 'renewed')))?.expiresAt, NOW + 99);
  });
});

eachStore('the store of the outbox and keys', (on) => {
  it('counts pending and dead jobs and erases delivered payloads', async () => {
    const job = { kind: 'mail', payload: 'sealed', nextAt: NOW, createdAt: NOW } as const;
    await on.store.write(async (tx) => {
      for (const id of ['a', 'b', 'c']) await outbox.insertJob(tx, { ...job, id });
      await outbox.insertJob(tx, { ...job, id: 'd', kind: 'backchannel_logout', nextAt: NOW - 1 });
    });
    const claim = (now: number): Promise<string[]> =>
      on.store.write(async (tx) => (await outbox.claimDue(tx, now, 100, 10)).map(({ id }) => id));
    const first = await claim(NOW);
    assert.equal(first[0], 'd');
    assert.equal(first.length, 4);
    await on.store.write(async (tx) => {
      await outbox.markDelivered(tx, 'a', NOW + 1);
      await outbox.markDeadLettered(tx, 'b', NOW + 1, 'refused');
      await outbox.scheduleRetry(tx, 'c', NOW + 5, 'timeout');
    });
    assert.deepEqual(await on.store.read(outbox.countJobs), [
      { kind: 'backchannel_logout', pending: 1, dead: 0 },
      { kind: 'mail', pending: 1, dead: 1 },
    ]);
    assert.deepEqual(await claim(NOW + 5), ['c']);
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.outbox));
    assert.deepEqual(
      rows.filter(({ payload }) => payload === '').map(({ id }) => id),
      ['a'],
    );
    const purge = (delivered: number, dead: number): Promise<number> =>
      on.store.write((tx) => outbox.purgeOutbox(tx, { delivered, dead }, 10));
    assert.deepEqual([await purge(NOW, NOW), await purge(NOW + 1, NOW), await purge(NOW + 1, NOW + 1)], [0, 1, 1]);
  });

  it('updates the state of one key at a time', async () => {
    const key = { purpose: 'sign', alg: 'ES256', sealed: '-', createdAt: NOW } as const;
    const insert = (id: string, state: keys.KeyState, alg = 'ES256'): Promise<boolean> =>
      on.store.write((tx) => keys.insertKeyIfAbsent(tx, { ...key, id, state, alg }));
    assert.deepEqual(
      [await insert('k1', 'current'), await insert('k2', 'current'), await insert('k3', 'current', 'RS256')],
      [true, false, true],
    );
    assert.equal(await insert('k4', 'next'), true);
    await on.store.write(async (tx) => {
      assert.equal(await keys.updateKeyState(tx, 'k1', 'current', 'previous'), true);
      assert.equal(await keys.updateKeyState(tx, 'k4', 'next', 'current'), true);
      assert.equal(await keys.updateKeyState(tx, 'k4', 'next', 'current'), false);
    });
    assert.deepEqual([await insert('k5', 'next'), await insert('k6', 'previous')], [true, true]);
    await on.store.write((tx) => keys.deleteKey(tx, 'k6'));
    assert.equal((await on.store.read(keys.listKeys)).length, 4);
  });
});
