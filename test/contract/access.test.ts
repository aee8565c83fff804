import assert from 'node:assert/strict';
import { it } from 'node:test';

import * as sessions from '../../src/store/auth/sessions.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import * as consents from '../../src/store/oidc/consents.ts';
import * as grants from '../../src/store/oidc/grants.ts';
import * as keys from '../../src/store/oidc/keys.ts';
import * as records from '../../src/store/oidc/records.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { withFamily } from './family.ts';

eachStore('the store of consents', (on) => {
  withFamily(on);
  const has = (personId: string, clientId: string, ...scopes: string[]): Promise<boolean> =>
    on.store.read((tx) => consents.hasConsent(tx, personId, clientId, scopes));

  it('finds consent only when the person granted every scope to this client', async () => {
    await on.store.write((tx) => consents.insertConsents(tx, 'father', 'portfolio', ['profile', 'email'], NOW));
    assert.deepEqual(
      [
        await has('father', 'portfolio', 'profile', 'email'),
        await has('father', 'portfolio', 'profile', 'phone'),
        await has('father', 'payment', 'profile'),
        await has('teacher', 'portfolio', 'profile'),
      ],
      [true, false, false, false],
    );
  });

  it('keeps the time of a scope and deletes the consent to one client', async () => {
    await on.store.write(async (tx) => {
      await consents.insertConsents(tx, 'father', 'portfolio', ['profile', 'phone'], NOW + 1);
      await consents.insertConsents(tx, 'father', 'payment', ['profile'], NOW);
      await consents.insertConsents(tx, 'father', 'payment', [], NOW);
    });
    const list = async (): Promise<[string, string, number][]> =>
      (await on.store.read((tx) => consents.listConsents(tx, 'father'))).map((row) => [
        row.clientId,
        row.scope,
        row.grantedAt,
      ]);
    const ofPayment = ['payment', 'profile', NOW];
    assert.deepEqual(await list(), [
      ofPayment,
      ['portfolio', 'email', NOW],
      ['portfolio', 'phone', NOW + 1],
      ['portfolio', 'profile', NOW],
    ]);
    assert.equal(await on.store.write((tx) => consents.deleteConsents(tx, 'father', 'portfolio')), 3);
    assert.deepEqual(await list(), [ofPayment]);
  });
});

eachStore('single use of provider records', (on) => {
  const record = { model: 'Replay', idHash: 'a', payload: 'sealed', createdAt: NOW, expiresAt: NOW + 100 } as const;
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => on.store.write(work);

  it('inserts a record once for each model', async () => {
    const insert = (model: string): Promise<boolean> =>
      write((tx) => records.insertRecordIfAbsent(tx, { ...record, model }));
    assert.deepEqual([await insert('Replay'), await insert('Replay'), await insert('Other')], [true, false, true]);
  });

  it('replaces a payload once, and only in an intact record', async () => {
    const replace = (idHash: string, old: string): Promise<boolean> =>
      write((tx) => records.replacePayload(tx, 'Replay', idHash, { old, next: 'next' }));
    await write((tx) => records.upsertRecord(tx, { ...record, idHash: 'b' }));
    assert.deepEqual([await replace('a', 'sealed'), await replace('a', 'sealed')], [true, false]);
    const payloads = await write(async (tx) => [
      (await records.lockRecord(tx, 'Replay', 'a'))?.payload,
      (await records.lockRecord(tx, 'Replay', 'b'))?.payload,
      (await records.lockRecord(tx, 'Other', 'a'))?.payload,
    ]);
    assert.deepEqual(payloads, ['next', 'sealed', 'sealed']);
    await write((tx) => records.destroyRecord(tx, 'Replay', 'a'));
    assert.equal(await replace('a', ''), false);
    assert.equal(await write((tx) => records.lockRecord(tx, 'Replay', 'a')), undefined);
  });

  it('finds the records of several sessions, newest last and without destroyed ones', async () => {
    await write(async (tx) => {
      for (const [idHash, uidHash, createdAt] of [
        ['new', 'u1', NOW + 2],
        ['old', 'u2', NOW + 1],
        ['other', 'u3', NOW],
        ['gone', 'u1', NOW],
      ] as const) {
        await records.upsertRecord(tx, { ...record, model: 'Session', idHash, uidHash, createdAt });
      }
      await records.upsertRecord(tx, { ...record, idHash: 'no-session', uidHash: 'u1' });
      await records.destroyRecord(tx, 'Session', 'gone');
    });
    const find = async (uids: string[]): Promise<(string | null)[][]> =>
      (await on.store.read((tx) => records.listRecordsByUids(tx, 'Session', uids))).map((row) => [
        row.idHash,
        row.uidHash,
      ]);
    assert.deepEqual(await find(['u1', 'u2']), [
      ['old', 'u2'],
      ['new', 'u1'],
    ]);
    assert.deepEqual(await find([]), []);
  });

  it('lists keys newest first, and those of one time by id', async () => {
    const key = { purpose: 'sign', sealed: '-', state: 'previous' } as const;
    await write(async (tx) => {
      for (const [id, createdAt] of [
        ['b', NOW],
        ['c', NOW + 1],
        ['a', NOW],
      ] as const) {
        await keys.insertKeyIfAbsent(tx, { ...key, id, createdAt, alg: 'ES256' });
      }
    });
    assert.deepEqual(
      (await on.store.read(keys.listKeys)).map(({ id }) => id),
      ['c', 'a', 'b'],
    );
  });
});

eachStore('the store of sessions and their grants', (on) => {
  withFamily(on);
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => on.store.write(work);
  const session = (sessionHash: string, createdAt: number, expiresAt = NOW + 50): Promise<boolean> =>
    write((tx) =>
      sessions.upsertSession(
        tx,
        {
          personId: 'father',
          userAgent: 'Firefox',
          address: '::1',
          remember: false,
          sessionHash,
          createdAt,
          expiresAt,
        },
        NOW,
      ),
    );
  const grant = (grantHash: string, more: Partial<grants.NewGrant>): Promise<void> =>
    write((tx) =>
      grants.insertGrant(tx, {
        grantHash,
        personId: 'father',
        clientId: 'portfolio',
        sessionHash: 's1',
        scopes: 'openid',
        createdAt: NOW,
        expiresAt: NOW + 100,
        ...more,
      }),
    );
  const hashes = (rows: { grantHash: string }[]): string[] => rows.map(({ grantHash }) => grantHash).sort();

  it('lists the sessions beyond a limit, oldest last', async () => {
    await session('s1', NOW);
    await session('s2', NOW + 1);
    await session('s3', NOW + 2);
    await session('past', NOW + 3, NOW + 1);
    const surplus = (except: string, limit: number): Promise<string[]> =>
      on.store.read((tx) => sessions.listSurplusSessions(tx, { personId: 'father', except, now: NOW + 1, limit }));
    assert.deepEqual(await surplus('none', 1), ['s2', 's1']);
    assert.deepEqual(await surplus('none', 3), []);
    assert.deepEqual(await surplus('s1', 1), ['s2'], 'never lists the session itself');
  });

  it('lists expired sessions, and open ones up to a time', async () => {
    const names = (rows: sessions.SessionRow[]): string[] => rows.map(({ sessionHash }) => sessionHash);
    const open = (afterHash: string, createdUntil: number, limit: number): Promise<string[]> =>
      on.store.read(async (tx) => names(await sessions.listOpenSessions(tx, { afterHash, createdUntil }, limit)));
    assert.deepEqual(await open('', NOW + 3, 9), ['past', 's1', 's2', 's3']);
    assert.deepEqual([await open('past', NOW + 1, 9), await open('', NOW + 3, 1)], [['s1', 's2'], ['past']]);
    const expired = await on.store.read((tx) => sessions.listExpiredSessions(tx, NOW + 1, 9));
    assert.deepEqual(names(expired), ['past']);
    await write((tx) => sessions.markRevoked(tx, ['past'], NOW));
    assert.deepEqual(await on.store.read((tx) => sessions.listExpiredSessions(tx, NOW + 1, 9)), []);
  });

  it('moves an active session and its grants to a new hash', async () => {
    await grant('a', { sessionHash: 's1' });
    await grant('b', { sessionHash: 's2' });
    const moved = await write((tx) => sessions.updateSessionHash(tx, 's1', 's9', NOW + 4));
    assert.deepEqual([moved?.sessionHash, moved?.endedAt, moved?.createdAt], ['s9', null, NOW]);
    assert.equal((await on.store.read((tx) => sessions.findSession(tx, 's1')))?.endedAt, NOW + 4);
    assert.equal(await write((tx) => sessions.updateSessionHash(tx, 's1', 's8', NOW + 5)), undefined, 'ended');
    assert.equal(await write((tx) => sessions.updateSessionHash(tx, 's2', 's8', NOW + 50)), undefined, 'expired');
    assert.deepEqual(await write((tx) => grants.updateGrantsSession(tx, 's1', 's9')), ['a']);
    assert.deepEqual(hashes(await on.store.read((tx) => grants.listGrantsBySessions(tx, ['s9']))), ['a']);
  });

  it('finds the active grants of bases and of children', async () => {
    await grant('of-basis', { basisId: 'e1', role: 'parent', childId: 'older' });
    await grant('expired', { basisId: 'e1', role: 'parent', childId: 'older', expiresAt: NOW + 1 });
    const find = (list: typeof grants.listActiveGrantsByBases, ...ids: string[]): Promise<string[]> =>
      on.store.read(async (tx) => hashes(await list(tx, ids, NOW + 1)));
    assert.deepEqual(await find(grants.listActiveGrantsByBases, 'e1', 'e2'), ['of-basis']);
    assert.deepEqual(await find(grants.listActiveGrantsByChildren, 'older'), ['of-basis']);
    assert.deepEqual(await find(grants.listActiveGrantsByBases), []);
    assert.deepEqual(await find(grants.listActiveGrantsByChildren), []);
    await write((tx) => grants.updateGrantBasis(tx, 'of-basis', 'e2'));
    assert.deepEqual(await find(grants.listActiveGrantsByBases, 'e2'), ['of-basis']);
  });

  it('revokes a grant once and finds it no longer', async () => {
    const revoke = (): Promise<unknown> => write((tx) => grants.revokeGrant(tx, 'a'));
    assert.equal(await write((tx) => grants.lockGrantShared(tx, 'a')), true);
    assert.deepEqual([await revoke(), await revoke()], [{ personId: 'father', clientId: 'portfolio' }, undefined]);
    assert.equal(await write((tx) => grants.lockGrantShared(tx, 'a')), false);
    assert.equal(await write((tx) => grants.deleteAnyGrants(tx, 2)), 2);
    assert.equal(await write((tx) => grants.deleteAnyGrants(tx, 2)), 1);
  });

  it('returns the context of a grant', () => {
    assert.equal(grants.grantedContext({ role: null, childId: null, schoolCode: null }), undefined);
    assert.deepEqual(grants.grantedContext({ role: 'parent', childId: 'older', schoolCode: null }), {
      role: 'parent',
      childId: 'older',
      schoolCode: undefined,
    });
    assert.deepEqual(grants.grantedContext({ role: 'teacher', childId: null, schoolCode: '993301' }), {
      role: 'teacher',
      childId: undefined,
      schoolCode: '993301',
    });
  });
});
