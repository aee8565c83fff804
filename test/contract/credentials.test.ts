import assert from 'node:assert/strict';
import { it } from 'node:test';

import * as credentials from '../../src/store/auth/credentials.ts';
import { ConflictError, type Transaction } from '../../src/store/database/index.ts';
import * as people from '../../src/store/people/people.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { person, withFamily } from './family.ts';

eachStore('the store of people and their credentials', (on) => {
  withFamily(on);
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => on.store.write(work);
  const version = async (id: string): Promise<number | undefined> =>
    (await on.store.read((tx) => people.findCredentialState(tx, id)))?.credentialVersion;

  it('rejects a national ID and a login name that are in use', async () => {
    const again = { ...person('again', '王大明'), nationalIdLookup: 'lookup', nationalIdSealed: 'sealed' };
    await write((tx) => assert.rejects(people.insertPerson(tx, again), new ConflictError('nationalId')));
    const login = {
      id: 'i9',
      personId: 'older',
      kind: 'email',
      value: 'daming@parents.example',
      createdAt: NOW,
    } as const;
    await write((tx) => assert.rejects(people.insertIdentifier(tx, login), new ConflictError('identifier')));
    const active = await on.store.read((tx) => people.findActivePersonIdByIdentifier(tx, 'email', login.value));
    assert.equal(active, 'father');
  });

  it('increments the credential versions of one page of people after another', async () => {
    const increment = (after: string): Promise<string | undefined> =>
      write((tx) => people.incrementCredentialVersions(tx, after, 2));
    assert.equal(await increment(''), 'father');
    assert.deepEqual([await version('account'), await version('father'), await version('older')], [2, 2, 1]);
    assert.equal(await increment('father'), 'teacher');
    assert.equal(await increment('teacher'), 'younger');
    assert.equal(await increment('younger'), undefined);
    assert.deepEqual([await version('older'), await version('teacher'), await version('younger')], [2, 2, 2]);
  });

  it('reads and locks a person, and only disabling increments the version', async () => {
    await write((tx) => people.updatePersonStatus(tx, 'father', 'disabled', NOW));
    await write((tx) => people.updatePersonStatus(tx, 'father', 'active', NOW));
    for (const lock of [people.lockPerson, people.lockPersonShared]) {
      const found = await write((tx) => lock(tx, 'father'));
      assert.deepEqual([found?.status, found?.credentialVersion], ['active', 3]);
      assert.equal(await write((tx) => lock(tx, 'unknown')), undefined);
    }
    assert.equal((await on.store.read((tx) => people.findPerson(tx, 'father')))?.name, '王大明');
  });

  it('deletes reset links of one person, of all, and expired ones', async () => {
    const link = (personId: string, expiresAt = NOW + 10): Promise<void> =>
      write((tx) => credentials.upsertResetLink(tx, { personId, tokenHash: personId, expiresAt, createdAt: NOW }));
    const left = async (): Promise<string[]> =>
      (await on.store.read((tx) => tx.db.select().from(tx.tables.resetLinks))).map(({ personId }) => personId).sort();
    await link('father');
    await link('older', NOW + 5);
    await link('teacher');
    assert.equal(await write((tx) => credentials.purgeResetLinks(tx, NOW + 5)), 1);
    assert.deepEqual(await left(), ['father', 'teacher']);
    await write((tx) => credentials.deleteResetLink(tx, 'father'));
    assert.deepEqual(await left(), ['teacher']);
    await write((tx) => credentials.deleteAllResetLinks(tx));
    assert.deepEqual(await left(), []);
  });

  it('closes a first password at the limit and opens it again', async () => {
    const fail = (now: number): ReturnType<typeof credentials.countFirstPasswordFailure> =>
      write((tx) => credentials.countFirstPasswordFailure(tx, 'older', { first: 2, one_time_code: 2 }, now));
    const first = { kind: 'first' as const, personId: 'older', mac: 'mac', expiresAt: NOW + 10, createdAt: NOW };
    await write((tx) => credentials.upsertFirstPassword(tx, first));
    assert.equal(await fail(NOW + 10), undefined, 'expired');
    assert.deepEqual(await fail(NOW), { failures: 1, closedAt: null });
    assert.deepEqual(await fail(NOW + 1), { failures: 2, closedAt: NOW + 1 });
    assert.equal(await fail(NOW + 2), undefined, 'closed');
    await write((tx) => credentials.reopenFirstPassword(tx, 'older'));
    assert.deepEqual(await fail(NOW + 2), { failures: 1, closedAt: null });
  });

  it('does not open a closed one-time code again', async () => {
    const fail = (): ReturnType<typeof credentials.countFirstPasswordFailure> =>
      write((tx) => credentials.countFirstPasswordFailure(tx, 'older', { first: 2, one_time_code: 1 }, NOW));
    const code = { kind: 'one_time_code' as const, personId: 'older', mac: 'mac', expiresAt: NOW + 10, createdAt: NOW };
    await write((tx) => credentials.upsertFirstPassword(tx, code));
    assert.deepEqual(await fail(), { failures: 1, closedAt: NOW });
    await write((tx) => credentials.reopenFirstPassword(tx, 'older'));
    assert.equal(await fail(), undefined, 'closed');
  });

  it('finds the hash of the first account at or after an id, or else of the first one', async () => {
    const near = (id: string): Promise<string | undefined> => on.store.read((tx) => credentials.findHashNear(tx, id));
    assert.equal(await near('a'), undefined);
    await write((tx) => credentials.upsertPassword(tx, 'father', 'of father', NOW));
    await write((tx) => credentials.upsertPassword(tx, 'teacher', 'of teacher', NOW));
    assert.deepEqual(
      [await near('a'), await near('father'), await near('g'), await near('z')],
      ['of father', 'of father', 'of teacher', 'of father'],
    );
  });

  it('sets a password after a version change only if the same hash was verified', async () => {
    const exchange = (credentialVersion: number, hash?: string): Promise<number | undefined> =>
      write((tx) => credentials.replacePasswordIfUnchanged(tx, 'teacher', { credentialVersion, hash }, 'next', NOW));
    const current = (await version('teacher')) ?? 0;
    assert.equal(await exchange(current - 1), undefined);
    assert.equal(await exchange(current - 1, 'of father'), undefined);
    assert.equal(await exchange(current - 1, 'of teacher'), current + 1);
    await write((tx) =>
      credentials.upsertFirstPassword(tx, {
        kind: 'first',
        personId: 'teacher',
        mac: 'mac',
        expiresAt: NOW,
        createdAt: NOW,
      }),
    );
    assert.equal(await exchange(current), undefined, 'a first password has no hash');
    assert.deepEqual(await on.store.read((tx) => credentials.getCredential(tx, 'unknown')), {});
  });
});
