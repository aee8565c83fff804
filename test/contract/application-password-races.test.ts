/** Application passwords while the password of their person changes: none survives it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';

import { HOUR_MS, MINUTE_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import {
  createApplicationPasswords,
  type ApplicationPasswords,
} from '../../src/services/authentication/application-passwords.ts';
import { insertApplicationPassword, listApplicationPasswords } from '../../src/store/auth/application-passwords.ts';
import { upsertPassword } from '../../src/store/auth/credentials.ts';
import type { Store } from '../../src/store/database/index.ts';
import { openParallelStore, type ParallelStore } from '../helpers/parallel-transactions.ts';
import { createTestServices, readableHash, TEST_ISSUER, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { storeSession } from '../helpers/stored-sessions.ts';
import { family } from './family.ts';

const ADDRESS = '203.0.113.7';
const PASSWORD = 'four small boats at anchor';

describe('application passwords during a password change (postgres)', () => {
  let parallel: ParallelStore;
  let store: Store;
  let services: TestServices;
  let applicationPasswords: ApplicationPasswords;
  before(async () => {
    parallel = await openParallelStore();
    ({ store } = parallel);
    await store.write(family);
  });
  beforeEach(async () => {
    services = createTestServices(store);
    const listServiceAccounts = (): Promise<string[]> => Promise.resolve(['app']);
    const more = { random: systemRandom, issuer: TEST_ISSUER, listServiceAccounts };
    applicationPasswords = createApplicationPasswords({ ...services, ...more });
    await store.write(async (tx) => {
      for (const table of [tx.tables.sessions, tx.tables.throttles]) await tx.db.delete(table);
    });
  });
  after(() => store.close());

  const listPasswords = (): ReturnType<typeof listApplicationPasswords> =>
    store.read((tx) => listApplicationPasswords(tx, 'teacher'));
  const createLate = (sessionHash: string): ReturnType<ApplicationPasswords['create']> => {
    const own = { personId: 'teacher', address: ADDRESS };
    return applicationPasswords.create({ ...own, id: randomUUID(), clientId: 'app', name: 'late', sessionHash });
  };

  it('end when they are created, used or revoked meanwhile, without a deadlock', async () => {
    await parallel.runRounds(async (round) => {
      services.advance(30 * MINUTE_MS);
      await store.write((tx) => upsertPassword(tx, 'teacher', readableHash(PASSWORD), TEST_NOW));
      const sessionHash = `creates-${String(round)}`;
      await storeSession(services, { personId: 'teacher', sessionHash, expiresAt: services.clock.now() + HOUR_MS });
      assert.deepEqual(await listPasswords(), []);
      const row = { personId: 'teacher', clientId: 'app', name: 'phone', createdAt: TEST_NOW, lastUsedAt: null };
      const stored = ['a', 'b', 'c'].map((id) => ({
        ...row,
        id: `${id}-${String(round)}`,
        secretHash: `${id}-${String(round)}`,
      }));
      await store.write(async (tx) => {
        for (const one of stored) assert.ok(await insertApplicationPassword(tx, one));
      });
      const own = { personId: 'teacher', address: ADDRESS };
      const change = { ...own, current: PASSWORD, next: 'river lanterns by the old gate', keepSessionHash: undefined };
      return [
        () => createLate(sessionHash),
        ...stored.map((one) => () => applicationPasswords.use('teacher', one, ADDRESS)),
        ...stored.slice(1).map((one) => () => applicationPasswords.revoke({ ...own, id: one.id })),
        async () => {
          const changes = ['directory', 'account'].map((formId) => services.passwords.change({ ...change, formId }));
          const kinds = (await Promise.all(changes)).map(({ kind }) => kind);
          assert.deepEqual(kinds.sort(), ['changed', 'wrong_current']);
        },
        () => createLate(sessionHash),
      ];
    });
    assert.deepEqual(await listPasswords(), []);
  });

  it('are not created by a session that the change ends', async () => {
    await storeSession(services, { personId: 'teacher', sessionHash: 'creates' });
    const { result } = await parallel.whileLocked(
      async (tx) => {
        await upsertPassword(tx, 'teacher', readableHash(PASSWORD), TEST_NOW);
        await services.passwords.onPasswordSet(tx, 'teacher', undefined);
      },
      () => parallel.startBlocked(() => createLate('creates')),
    );
    assert.deepEqual([await result, await listPasswords()], [{ kind: 'expired' }, []]);
  });

  it('are not created by a session that has expired', async () => {
    const expiresAt = services.clock.now();
    await storeSession(services, { personId: 'teacher', sessionHash: 'expired', expiresAt });
    assert.deepEqual([await createLate('expired'), await listPasswords()], [{ kind: 'expired' }, []]);
  });
});
