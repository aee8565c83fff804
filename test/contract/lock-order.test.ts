import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { revokeReused } from '../../src/oidc/reuse.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import { grantsOnBasis, insertGrant } from '../../src/store/grants.ts';
import { migrate } from '../../src/store/migrate.ts';
import * as people from '../../src/store/people.ts';
import * as schools from '../../src/store/schools.ts';
import { createKeptLog, type KeptLog } from '../helpers/log.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { storeGrant, storeSession } from '../helpers/signed-in.ts';
import { family, HIGH } from './family.ts';

const ROUNDS = 25;
const ADDRESS = '203.0.113.7';
const EMAIL = 'daming@parents.example';
const MOBILE = '0900000101';
const MINUTE_MS = 60_000;

/** The store repeats a transaction after a deadlock, so a deadlock shows in the log only. */
describe('parallel transactions of one person (postgres)', () => {
  let kept: KeptLog;
  let store: Store;
  let services: TestServices;

  before(async () => {
    kept = createKeptLog();
    store = await openStore({ url: await testDatabaseUrl(), log: kept.log });
    await migrate(store);
    await store.write(family);
    await store.write((tx) =>
      schools.insertMembership(tx, {
        ...{ id: 'm4', personId: 'teacher', schoolCode: HIGH.code, role: 'teacher', isPrimary: false },
        validTo: '2026-11-22',
      }),
    );
    services = createTestServices(store, [testClient('app'), testClient('other')]);
  });
  beforeEach(() =>
    store.write(async (tx) => {
      for (const table of [tx.t.sessions, tx.t.grants, tx.t.oidcRecords, tx.t.throttles]) await tx.db.delete(table);
    }),
  );
  after(() => store.close());

  /** Runs rounds of parallel operations; each must succeed, none after a deadlock. */
  const runRounds = async (work: (round: number) => Promise<(() => Promise<unknown>)[]>): Promise<void> => {
    const from = kept.text().length;
    for (let round = 0; round < ROUNDS; round += 1) {
      const operations = await work(round);
      await Promise.all(operations.map((operation) => operation()));
    }
    const deadlocks = kept
      .text()
      .slice(from)
      .split('\n')
      .filter((line) => line.includes('40P01'));
    assert.deepEqual(deadlocks, []);
  };

  it('ending other sessions and revoking reused grants do not deadlock', () =>
    runRounds(async (round) => {
      const [keep, other] = [`keep-${String(round)}`, `other-${String(round)}`];
      await storeSession(services, { personId: 'father', sessionHash: keep });
      await storeSession(services, { personId: 'father', sessionHash: other });
      const hashes = ['a', 'b', 'c', 'd'].map((name) => `${name}-${String(round)}`);
      for (const grantHash of hashes) {
        await storeGrant(services, { grantHash, personId: 'father', clientId: 'app', sessionHash: keep });
      }
      const { audit } = services;
      const { log } = services.kept;
      return [
        () => services.access.endOtherSessions('father', keep, ADDRESS),
        ...hashes.map(
          (grantHash) => () => revokeReused({ audit, log }, { grantHash, reason: 'test', address: ADDRESS }),
        ),
      ];
    }));

  it('opening an account, wrong passwords and reset requests do not deadlock', () =>
    runRounds((round) => {
      if (round % 5 === 4) services.forward(20 * MINUTE_MS);
      const attempt = (login: string, subnet: number): (() => Promise<unknown>) => {
        const address = `2001:db8:1:${String(subnet)}::1`;
        return () => services.signIn.attempt({ login, password: 'wrong', address, clientId: 'app' });
      };
      return Promise.resolve([
        ...[1, 2, 3, 4].flatMap((subnet) => [attempt(EMAIL, subnet), attempt(MOBILE, subnet)]),
        () => services.people.setStatus('father', 'active', undefined),
        () => services.recovery.request(EMAIL, ADDRESS),
        () => services.people.unlock('father'),
      ]);
    }));

  it('ended affiliations and removed apps do not deadlock', () =>
    runRounds(async (round) => {
      const grant = { personId: 'teacher', sessionHash: 's', schoolCode: HIGH.code, basisId: 'm4' };
      for (const name of ['a', 'b', 'c']) {
        const grantHash = `${name}-${String(round)}`;
        await storeGrant(services, { ...grant, grantHash, clientId: 'app', role: 'teacher' });
        await storeGrant(services, { ...grant, grantHash: `x${grantHash}`, clientId: 'other', role: 'staff' });
      }
      return [
        () => services.affiliations.endPassed(),
        () => services.access.revokeApp('teacher', 'app', ADDRESS),
        () => services.access.revokeApp('teacher', 'other', ADDRESS),
      ];
    }));

  it('changes of a guardianship and removed apps do not deadlock', () =>
    runRounds(async (round) => {
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
        () => services.guardianships.change({ id: 'g1', action, actorId: undefined }),
        () => services.access.revokeApp('father', 'app', ADDRESS),
        () => services.access.revokeApp('father', 'other', ADDRESS),
      ];
    }));

  it('revoking a guardianship ends a grant that a concurrent sign-in stores', async () => {
    const [locked, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const signIn = store.write(async (tx) => {
      await people.lockPersonShared(tx, 'father');
      locked.resolve(undefined);
      await release.promise;
      const grant = { grantHash: 'late', personId: 'father', clientId: 'app', sessionHash: 's', basisId: 'g1' };
      await insertGrant(tx, { ...grant, scopes: 'openid', createdAt: TEST_NOW, expiresAt: TEST_NOW + MINUTE_MS });
    });
    await locked.promise;
    const change = services.guardianships.change({ id: 'g1', action: 'revoke', actorId: undefined });
    await sleep(300);
    release.resolve(undefined);
    await signIn;
    assert.equal(await change, true);
    assert.deepEqual(await store.read((tx) => grantsOnBasis(tx, 'g1')), []);
  });
});
