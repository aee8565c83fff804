import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { eq, sql } from 'drizzle-orm';

import { MINUTE_MS } from '../../src/domain/duration.ts';
import { revokeGrant, revokeReused, type ReuseDeps } from '../../src/services/access/grant-revocation.ts';
import { purgeResetLinks, upsertPassword } from '../../src/store/auth/credentials.ts';
import { purgeSessions } from '../../src/store/auth/sessions.ts';
import { purgeThrottles } from '../../src/store/auth/throttles.ts';
import { claimReminders } from '../../src/store/binding/answers.ts';
import type { Store, Transaction } from '../../src/store/database/index.ts';
import { revokeGrants, listGrantsByBasis, insertGrant, purgeGrants } from '../../src/store/oidc/grants.ts';
import { purgeExpired } from '../../src/store/oidc/record-purge.ts';
import { upsertRecord } from '../../src/store/oidc/records.ts';
import { purgeOutbox } from '../../src/store/outbox.ts';
import * as people from '../../src/store/people/people.ts';
import * as schools from '../../src/store/people/schools.ts';
import { openParallelStore, type ParallelStore } from '../helpers/parallel-transactions.ts';
import { createTestServices, readableHash, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { storeGrant, storeSession } from '../helpers/stored-sessions.ts';
import { family, HIGH } from './family.ts';

const ADDRESS = '203.0.113.7';
const EMAIL = 'daming@parents.example';
const MOBILE = '0900000101';
const PASSWORD = 'four small boats at anchor';

describe('parallel transactions of one person (postgres)', () => {
  let parallel: ParallelStore;
  let store: Store;
  let services: TestServices;
  let reuse: ReuseDeps;

  before(async () => {
    parallel = await openParallelStore();
    ({ store } = parallel);
    await store.write(family);
    await store.write((tx) =>
      schools.insertMembership(tx, {
        ...{ id: 'm4', personId: 'teacher', schoolCode: HIGH.code, role: 'teacher', isPrimary: false },
        validTo: '2026-11-22',
      }),
    );
    services = createTestServices(store, [testClient('app'), testClient('other')]);
    reuse = { store, audit: services.audit, log: services.capturedLog.log };
  });
  beforeEach(() =>
    store.write(async (tx) => {
      for (const table of [tx.tables.sessions, tx.tables.grants, tx.tables.oidcRecords, tx.tables.throttles])
        await tx.db.delete(table);
    }),
  );
  after(() => store.close());

  it('ending other sessions and revoking reused grants do not deadlock', () =>
    parallel.runRounds(async (round) => {
      const [keep, other] = [`keep-${String(round)}`, `other-${String(round)}`];
      await storeSession(services, { personId: 'father', sessionHash: keep });
      await storeSession(services, { personId: 'father', sessionHash: other });
      const hashes = ['a', 'b', 'c', 'd'].map((name) => `${name}-${String(round)}`);
      for (const grantHash of hashes) {
        await storeGrant(services, { grantHash, personId: 'father', clientId: 'app', sessionHash: keep });
      }
      return [
        () => services.access.revokeOtherSessions('father', keep, ADDRESS),
        ...hashes.map((grantHash) => () => revokeReused(reuse, { grantHash, reason: 'test', address: ADDRESS })),
      ];
    }));

  for (const [name, revoke] of [
    ['of a reused code', () => revokeReused(reuse, { grantHash: 'g', reason: 'test', address: ADDRESS })],
    ['that the client revokes', () => revokeGrant(store, 'g')],
  ] as const) {
    it(`a grant ${name} is locked after its person`, async () => {
      await storeGrant(services, { grantHash: 'g', personId: 'father', clientId: 'app', sessionHash: 's' });
      await services.newEntries();
      const { result } = await parallel.whileLocked(
        (tx) => people.lockPerson(tx, 'father'),
        () => parallel.startBlocked(revoke),
        async (tx) => {
          assert.equal((await revokeGrants(tx, ['g'])).length, 1, 'the grant is not locked');
        },
      );
      await result;
      assert.deepEqual(await services.newEntries(), []);
    });
  }

  it('purge jobs leave out rows that another transaction has locked', async () => {
    const old = { createdAt: 1, expiresAt: 2 };
    await store.write(async (tx) => {
      const { sessions, throttles, outbox, resetLinks } = tx.tables;
      for (const name of ['a', 'b']) {
        await upsertRecord(tx, { model: 'AccessToken', idHash: name, payload: '', ...old });
        await insertGrant(tx, {
          grantHash: name,
          personId: 'father',
          clientId: 'app',
          sessionHash: 's',
          scopes: '',
          ...old,
        });
        const session = { personId: 'father', userAgent: '', address: '', remember: false, endedAt: 1, ...old };
        await tx.db.insert(sessions).values({ sessionHash: name, ...session });
        await tx.db.insert(throttles).values({ key: name, failures: 1, blockedUntil: 0, updatedAt: 1 });
        await tx.db.insert(outbox).values({ id: name, kind: 'mail', payload: '', nextAt: 1, createdAt: 1, doneAt: 1 });
      }
      for (const personId of ['father', 'teacher']) {
        await tx.db.insert(resetLinks).values({ personId, tokenHash: personId, ...old });
      }
    });
    const purges: readonly ((tx: Transaction) => Promise<number>)[] = [
      (tx) => purgeExpired(tx, 'AccessToken', 10, 10),
      (tx) => purgeGrants(tx, 10, 10),
      (tx) => purgeSessions(tx, 10, 10),
      async (tx) => (await purgeThrottles(tx, 10, 10)).length,
      (tx) => purgeOutbox(tx, { delivered: 10, dead: 10 }, 10),
      (tx) => purgeResetLinks(tx, 10),
    ];
    const purgeAll = async (): Promise<number[]> => {
      const counts: number[] = [];
      for (const purge of purges) {
        const purged = store.write(async (tx) => {
          await tx.execute(`set local lock_timeout = '5s'`, []);
          return purge(tx);
        });
        counts.push(await purged);
      }
      return counts;
    };
    let counts: number[] = [];
    const lockRows = async (tx: Transaction): Promise<void> => {
      const { oidcRecords, grants, sessions, throttles, outbox, resetLinks } = tx.tables;
      for (const [table, column] of [
        [oidcRecords, oidcRecords.idHash],
        [grants, grants.grantHash],
        [sessions, sessions.sessionHash],
        [throttles, throttles.key],
        [outbox, outbox.id],
      ] as const) {
        await tx.db
          .select()
          .from(table)
          .where(sql`${eq(column, 'a')} for update`);
      }
      await tx.db
        .select()
        .from(resetLinks)
        .where(sql`${eq(resetLinks.personId, 'father')} for update`);
    };
    await parallel.whileLocked(lockRows, async () => {
      counts = await purgeAll();
    });
    assert.deepEqual(counts, [1, 1, 1, 1, 1, 1]);
    assert.deepEqual(await purgeAll(), [1, 1, 1, 1, 1, 1]);
  });

  it('enabling an account, wrong passwords and reset requests do not deadlock', () =>
    parallel.runRounds((round) => {
      if (round % 5 === 4) services.advance(20 * MINUTE_MS);
      const attempt = (login: string, subnet: number): (() => Promise<unknown>) => {
        const address = `2001:db8:1:${String(subnet)}::1`;
        return () => services.signIn.attempt({ login, password: 'wrong', address, clientId: 'app' });
      };
      return Promise.resolve([
        ...[1, 2, 3, 4].flatMap((subnet) => [attempt(EMAIL, subnet), attempt(MOBILE, subnet)]),
        () => services.people.setStatus('father', 'active', undefined),
        () => services.passwordReset.request(EMAIL, ADDRESS),
        () => services.people.unlock('father'),
      ]);
    }));

  it('parallel sign-ins, wrong passwords and unlocks do not deadlock', async () => {
    await store.write((tx) => upsertPassword(tx, 'father', readableHash(PASSWORD), TEST_NOW));
    await parallel.runRounds(() => {
      const attempt = (login: string, password: string, subnet: number): (() => Promise<unknown>) => {
        const address = `2001:db8:1:${String(subnet)}::1`;
        return () => services.signIn.attempt({ login, password, address, clientId: 'app' });
      };
      return Promise.resolve([
        ...[1, 2, 3].flatMap((subnet) => [attempt(EMAIL, PASSWORD, subnet), attempt(MOBILE, PASSWORD, subnet)]),
        attempt(EMAIL, 'wrong', 1),
        attempt(MOBILE, 'wrong', 2),
        () => services.people.unlock('father'),
      ]);
    });
  });

  it('ended affiliations and removed apps do not deadlock', () =>
    parallel.runRounds(async (round) => {
      const grant = { personId: 'teacher', sessionHash: 's', schoolCode: HIGH.code, basisId: 'm4' };
      for (const name of ['a', 'b', 'c']) {
        const grantHash = `${name}-${String(round)}`;
        await storeGrant(services, { ...grant, grantHash, clientId: 'app', role: 'teacher' });
        await storeGrant(services, { ...grant, grantHash: `x${grantHash}`, clientId: 'other', role: 'staff' });
      }
      return [
        () => services.affiliationExpiry.revokeExpired(),
        () => services.access.revokeApp('teacher', 'app', ADDRESS),
        () => services.access.revokeApp('teacher', 'other', ADDRESS),
      ];
    }));

  it('changes of a guardianship and removed apps do not deadlock', () =>
    parallel.runRounds(async (round) => {
      const grant = {
        personId: 'father',
        sessionHash: 's',
        childId: 'older',
        basisId: 'g1',
        role: 'parent',
      } as const;
      await storeGrant(services, { ...grant, grantHash: `a-${String(round)}`, clientId: 'app' });
      await storeGrant(services, { ...grant, grantHash: `b-${String(round)}`, clientId: 'other' });
      const action = round % 2 === 0 ? 'suspend' : 'resume';
      return [
        () => services.guardianships.applyAction({ id: 'g1', action, actorId: undefined }),
        () => services.access.revokeApp('father', 'app', ADDRESS),
        () => services.access.revokeApp('father', 'other', ADDRESS),
      ];
    }));

  it('reminders to the same families and changes of a guardianship do not deadlock', () =>
    parallel.runRounds((round) => {
      const now = TEST_NOW + round * MINUTE_MS;
      const remind = (...studentIds: string[]): (() => Promise<unknown>) => {
        const work = async (tx: Transaction): Promise<void> => {
          await claimReminders(tx, studentIds, { now, before: now - 1 });
          await services.audit.append(tx, { event: 'staff.remind_families', outcome: 'ok' });
        };
        return () => store.write(work);
      };
      const action = round % 2 === 0 ? 'suspend' : 'resume';
      return Promise.resolve([
        remind('older', 'younger'),
        remind('younger', 'older'),
        remind('younger'),
        () => services.guardianships.applyAction({ id: 'g1', action, actorId: undefined }),
      ]);
    }));

  it('revoking a guardianship revokes a grant that a concurrent sign-in stores', async () => {
    const grant = { grantHash: 'late', personId: 'father', clientId: 'app', sessionHash: 's', basisId: 'g1' };
    const { result } = await parallel.whileLocked(
      (tx) => people.lockPersonShared(tx, 'father'),
      () =>
        parallel.startBlocked(() =>
          services.guardianships.applyAction({ id: 'g1', action: 'revoke', actorId: undefined }),
        ),
      (tx) => insertGrant(tx, { ...grant, scopes: 'openid', createdAt: TEST_NOW, expiresAt: TEST_NOW + MINUTE_MS }),
    );
    assert.equal(await result, true);
    assert.deepEqual(await store.read((tx) => listGrantsByBasis(tx, 'g1')), []);
  });
});
