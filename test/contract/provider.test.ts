import assert from 'node:assert/strict';
import { it } from 'node:test';

import * as sessions from '../../src/store/auth/sessions.ts';
import * as grants from '../../src/store/oidc/grants.ts';
import * as keys from '../../src/store/oidc/keys.ts';
import * as records from '../../src/store/oidc/records.ts';
import * as outbox from '../../src/store/outbox.ts';
import { planOf } from '../helpers/query-plan.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { withFamily } from './family.ts';

eachStore('oidc records', (on) => {
  const record = (idHash: string, more: Partial<records.NewOidcRecord> = {}): records.NewOidcRecord => ({
    model: 'Session',
    idHash,
    payload: 'sealed',
    createdAt: NOW,
    expiresAt: NOW + 100,
    ...more,
  });
  const put = (...args: Parameters<typeof record>): Promise<boolean> =>
    on.store.write((u) => records.putRecord(u, record(...args)));
  const find = (idHash: string): ReturnType<typeof records.findRecord> =>
    on.store.read((u) => records.findRecord(u, 'Session', idHash));

  it('are found by id, uid and user code, the newest first', async () => {
    await put('a', { uidHash: 'uid', userCodeHash: 'code' });
    await put('b', { uidHash: 'uid', createdAt: NOW + 1 });
    assert.equal((await find('a'))?.payload, 'sealed');
    const [byUid, byCode, otherModel] = await on.store.read(async (u) => [
      await records.findRecordByUid(u, 'Session', 'uid'),
      await records.findRecordByUserCode(u, 'Session', 'code'),
      await records.findRecordByUid(u, 'Interaction', 'uid'),
    ]);
    assert.deepEqual([byUid?.idHash, byCode?.idHash, otherModel], ['b', 'a', undefined]);
  });

  it('stay consumed when they are saved again', async () => {
    await put('code');
    assert.equal(await on.store.write((u) => records.consumeRecord(u, 'Session', 'code', NOW + 5)), true);
    assert.equal(await put('code', { payload: 'again' }), true);
    assert.deepEqual([(await find('code'))?.consumedAt, (await find('code'))?.payload], [NOW + 5, 'again']);
    assert.equal(await on.store.write((u) => records.consumeRecord(u, 'Session', 'code', NOW + 6)), false);
  });

  it('stay destroyed when a slower request saves them again', async () => {
    await put('gone', { uidHash: 'gone-uid' });
    assert.equal(await on.store.write((u) => records.destroyRecord(u, 'Session', 'gone')), true);
    assert.equal(await on.store.write((u) => records.destroyRecord(u, 'Session', 'gone')), false);
    assert.equal(await put('gone', { uidHash: 'gone-uid' }), false);
    assert.equal(await find('gone'), undefined);
    assert.equal(await on.store.read((u) => records.findRecordByUid(u, 'Session', 'gone-uid')), undefined);
    assert.equal(await on.store.write((u) => records.consumeRecord(u, 'Session', 'gone', NOW)), false);
  });

  it('end together with their grant', async () => {
    await put('t1', { model: 'AccessToken', grantHash: 'grant' });
    await put('t2', { model: 'RefreshToken', grantHash: 'grant' });
    await put('t3', { model: 'RefreshToken', grantHash: 'other' });
    assert.equal(await on.store.write((u) => records.destroyByGrants(u, ['grant', 'unknown'])), 2);
    const left = await on.store.read((u) => records.findRecord(u, 'RefreshToken', 't3'));
    assert.equal(left?.grantHash, 'other');
  });

  it('end as a session under every id that it had', async () => {
    await put('s1', { uidHash: 's-uid' });
    await put('s2', { uidHash: 's-uid' });
    await put('s3', { uidHash: 's-uid', model: 'Interaction' });
    assert.equal(await on.store.write((u) => records.destroyByUid(u, 'Session', 's-uid')), 2);
    assert.deepEqual([await find('s1'), await find('s2')], [undefined, undefined]);
    assert.equal((await on.store.read((u) => records.findRecord(u, 'Interaction', 's3')))?.idHash, 's3');
  });

  it('are purged when they have expired, tombstones without an expiry too', async () => {
    await put('eternal', { expiresAt: null });
    await put('tombstone', { expiresAt: null });
    await on.store.write((u) => records.destroyRecord(u, 'Session', 'tombstone'));
    const models = await on.store.read((tx) => records.listModels(tx));
    const purge = async (now: number): Promise<number> => {
      const counts = models.map((model) => on.store.write((tx) => records.purgeExpired(tx, model, now, 3)));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    assert.equal(await purge(NOW + 99), 1);
    let purged = 0;
    for (let count = await purge(NOW + 100); count > 0; count = await purge(NOW + 100)) purged += count;
    assert.equal(purged, 10);
    assert.ok(await find('eternal'));
  });

  it('keep the browser of their first save, and are found with it', async () => {
    await put('step', { model: 'Interaction', browserHash: 'first' });
    for (const browserHash of ['second', null]) {
      assert.equal(await put('step', { model: 'Interaction', browserHash, payload: 'again' }), true);
      const found = await on.store.read((u) => records.findRecord(u, 'Interaction', 'step'));
      assert.deepEqual([found?.payload, found?.browserHash], ['again', 'first']);
    }
  });
});

eachStore('grants and sessions', (on) => {
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

  it('find grants by person, session and what they rest on', async () => {
    await on.store.write(async (u) => {
      await grants.insertGrant(u, { ...grant('a', 's1', 'g1'), expiresAt: NOW + 200 });
      await grants.insertGrant(u, grant('b', 's2', 'g1'));
      await grants.insertGrant(u, grant('c', 's2', 'g2'));
    });
    await on.store.read(async (u) => {
      assert.deepEqual(hashes(await grants.grantsOfPerson(u, 'father')), ['a', 'b', 'c']);
      assert.deepEqual(hashes(await grants.listGrantsOfSessions(u, ['s2'])).sort(), ['b', 'c']);
      assert.deepEqual(hashes(await grants.grantsOnBasis(u, 'g1')), ['a', 'b']);
      assert.equal((await grants.standingGrant(u, 'a'))?.grant.childId, 'older');
      assert.deepEqual(hashes(await grants.liveGrantsOf(u, 'father', NOW + 100)), ['a']);
    });
  });

  it('purge the grants that have expired, and delete those that are named', async () => {
    assert.equal(await on.store.write((u) => grants.purgeGrants(u, NOW + 100, 10)), 2);
    await on.store.write((u) => grants.endGrants(u, ['a', 'unknown']));
    assert.deepEqual(await on.store.read((u) => grants.grantsOfPerson(u, 'father')), []);
  });

  it('find the grants beyond a limit by the index of the session and that of the person', async () => {
    const newest = { grantHash: 'new', personId: 'father', clientId: 'app', sessionHash: 's1' };
    for (const isOffline of [true, false]) {
      const plan = await planOf(on.store, (u) => grants.listSurplusOfSession(u, newest, isOffline, NOW, 20));
      assert.match(plan, /grants_session_idx/);
    }
    const ofPerson = await planOf(on.store, (u) => grants.listSurplusOfPerson(u, newest, NOW, 200));
    assert.match(ofPerson, /grants_person_idx/);
  });

  it('remember the last context of each client', async () => {
    const put = (context: grants.LastContext): Promise<void> =>
      on.store.write((u) => grants.putLastContext(u, 'father', 'payment', context));
    await put({ role: 'parent', schoolCode: '993301', childId: 'older' });
    await put({ role: 'teacher', schoolCode: '993301', childId: null });
    const read = (client: string): Promise<grants.LastContext | undefined> =>
      on.store.read((u) => grants.lastContext(u, 'father', client));
    assert.deepEqual(await read('payment'), { role: 'teacher', schoolCode: '993301', childId: null });
    assert.equal(await read('portfolio'), undefined);
  });

  it('show live sessions, and keep an ended one ended', async () => {
    const session = { personId: 'father', userAgent: 'Firefox', address: '::1', remember: true } as const;
    const put = (sessionHash: string, createdAt: number): Promise<boolean> =>
      on.store.write((u) => sessions.putSession(u, { ...session, sessionHash, createdAt, expiresAt: NOW + 50 }));
    assert.deepEqual([await put('s1', NOW), await put('s2', NOW + 1)], [true, true]);
    const live = (now: number): Promise<string[]> =>
      on.store.read(async (u) => (await sessions.liveSessionsOf(u, 'father', now)).map((row) => row.sessionHash));
    assert.deepEqual([await live(NOW), await live(NOW + 50)], [['s2', 's1'], []]);
    assert.equal(await on.store.write((u) => sessions.markEnded(u, ['s2', 'unknown'], NOW + 2)), 1);
    assert.equal(await put('s2', NOW + 3), false);
    assert.deepEqual(await live(NOW), ['s1']);
    assert.equal((await on.store.read((u) => sessions.sessionByHash(u, 's1')))?.remember, true);
    assert.equal(await on.store.write((u) => sessions.purgeSessions(u, NOW + 50, 1)), 1);
    assert.equal(await on.store.read((u) => sessions.sessionByHash(u, 's2')), undefined);
    assert.ok(await on.store.read((u) => sessions.sessionByHash(u, 's1')), 'its relying parties were not told yet');
  });
});

eachStore('outbox and keys', (on) => {
  it('count what waits and what was given up, and erase what was sent', async () => {
    const job = { kind: 'mail', payload: 'sealed', nextAt: NOW, createdAt: NOW } as const;
    await on.store.write(async (u) => {
      for (const id of ['a', 'b', 'c']) await outbox.enqueue(u, { ...job, id });
      await outbox.enqueue(u, { ...job, id: 'd', kind: 'backchannel_logout', nextAt: NOW - 1 });
    });
    const claim = (now: number): Promise<string[]> =>
      on.store.write(async (u) => (await outbox.claimDue(u, now, 100, 10)).map(({ id }) => id));
    const first = await claim(NOW);
    assert.equal(first[0], 'd');
    assert.equal(first.length, 4);
    await on.store.write(async (u) => {
      await outbox.markDone(u, 'a', NOW + 1);
      await outbox.markDead(u, 'b', NOW + 1, 'refused');
      await outbox.markRetry(u, 'c', NOW + 5, 'timeout');
    });
    assert.deepEqual(await on.store.read(outbox.outboxCounts), [
      { kind: 'backchannel_logout', pending: 1, dead: 0 },
      { kind: 'mail', pending: 1, dead: 1 },
    ]);
    assert.deepEqual(await claim(NOW + 5), ['c']);
    const rows = await on.store.read((u) => u.db.select().from(u.t.outbox));
    assert.deepEqual(
      rows.filter(({ payload }) => payload === '').map(({ id }) => id),
      ['a'],
    );
    assert.equal(await on.store.write((u) => outbox.purgeOutbox(u, NOW + 1, 10)), 2);
  });

  it('rotate keys one at a time', async () => {
    const key = { purpose: 'sign', alg: 'ES256', sealed: '-', createdAt: NOW } as const;
    const insert = (id: string, state: keys.KeyState, alg = 'ES256'): Promise<boolean> =>
      on.store.write((u) => keys.insertIfAbsent(u, { ...key, id, state, alg }));
    assert.deepEqual(
      [await insert('k1', 'current'), await insert('k2', 'current'), await insert('k3', 'current', 'RS256')],
      [true, false, true],
    );
    assert.equal(await insert('k4', 'next'), true);
    await on.store.write(async (u) => {
      assert.equal(await keys.setKeyState(u, 'k1', 'current', 'previous'), true);
      assert.equal(await keys.setKeyState(u, 'k4', 'next', 'current'), true);
      assert.equal(await keys.setKeyState(u, 'k4', 'next', 'current'), false);
    });
    assert.deepEqual([await insert('k5', 'next'), await insert('k6', 'previous')], [true, true]);
    await on.store.write((u) => keys.deleteKey(u, 'k6'));
    assert.equal((await on.store.read(keys.allKeys)).length, 4);
  });
});
