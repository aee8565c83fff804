/** Binds of people on both databases: every failure runs the same statements, so its time does not tell why a bind failed. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { before, beforeEach, it } from 'node:test';

import { createApplicationPassword } from '../../src/domain/credentials/application-passwords.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { ACCOUNT_POLICY } from '../../src/domain/throttling/throttle.ts';
import { createRequestRateLimiter } from '../../src/services/access/request-rate-limiter.ts';
import { createApplicationPasswords } from '../../src/services/authentication/application-passwords.ts';
import { hasFailures } from '../../src/services/authentication/failure-reset.ts';
import { personKey } from '../../src/services/authentication/login-keys.ts';
import { firstPasswordMac } from '../../src/services/authentication/password-verification.ts';
import { createDirectoryBinds, type DirectoryBinds, type PersonBind } from '../../src/services/directory/binds.ts';
import { createDirectory, type Directory } from '../../src/services/directory/directory.ts';
import { createRequiresSecondFactor } from '../../src/services/settings/required-second-factor.ts';
import { upsertFirstPassword, upsertPassword } from '../../src/store/auth/credentials.ts';
import { readThrottle, upsertThrottle } from '../../src/store/auth/throttles.ts';
import { insertClientIfAbsent } from '../../src/store/oidc/clients.ts';
import { insertSecondFactor } from '../../src/store/auth/second-factors.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { insertMembership, insertSchool } from '../../src/store/people/schools.ts';
import {
  createTestServices,
  readableHash,
  TEST_ISSUER,
  TEST_NOW,
  testClient,
  type TestServices,
} from '../helpers/services.ts';
import { recordStatements, type RecordedStore } from '../helpers/statements.ts';
import { eachStore } from '../helpers/store.ts';
import { HIGH, person } from './family.ts';

const PASSWORD = 'four small boats at anchor';
const FIRST_PASSWORD = 'A1B2C3';
const ADDRESS = '203.0.113.7';
/** `gone` has a handle and no row. */
const IDS = {
  ...{ known: randomUUID(), disabled: randomUUID(), locked: randomUUID(), first: randomUUID() },
  ...{ hidden: randomUUID(), factor: randomUUID(), gone: randomUUID() },
};
type Key = keyof typeof IDS;

const ldap = { secret_sha256: ['0'.repeat(64)] };
/** One client of the file, and one of the database, which costs a query each time. */
const [ofFile, ofDatabase] = ['wifi', 'mail'].map((id) => testClient(id, { ldap }));

eachStore('binds of people', (on) => {
  let recorded: RecordedStore;
  let services: TestServices;
  let directory: Directory;
  let binds: DirectoryBinds;
  before(async () => {
    recorded = recordStatements(on.store);
    const { store } = recorded;
    assert.ok(ofFile !== undefined && ofDatabase !== undefined);
    services = createTestServices(store, [ofFile]);
    directory = createDirectory({ ...services, pairwiseKey: createSecretKey(randomBytes(32)) });
    const listServiceAccounts = (): Promise<string[]> => Promise.resolve(['wifi', 'mail']);
    const fields = { ...services, random: systemRandom, issuer: TEST_ISSUER, listServiceAccounts };
    const applicationPasswords = createApplicationPasswords(fields);
    const requiresSecondFactor = createRequiresSecondFactor(services);
    const rateLimiter = createRequestRateLimiter(services);
    binds = createDirectoryBinds({ ...services, rateLimiter, directory, applicationPasswords, requiresSecondFactor });
    const registration = { ...ofDatabase, ldap: { scan: false } };
    const hash = '0'.repeat(64);
    const times = { createdAt: TEST_NOW, updatedAt: TEST_NOW };
    await store.write(async (tx) => {
      const row = { clientId: 'mail', registration, secretHash: hash };
      assert.ok(await insertClientIfAbsent(tx, { ...row, directorySecretHash: hash, ...times }));
      await insertSchool(tx, HIGH);
      for (const [key, id] of Object.entries(IDS)) {
        if (key === 'gone') continue;
        await insertPerson(tx, person(id, key));
        await upsertPassword(tx, id, readableHash(PASSWORD), TEST_NOW);
        const membership = { id: randomUUID(), personId: id, schoolCode: HIGH.code, isPrimary: true };
        if (key !== 'hidden') await insertMembership(tx, { ...membership, role: 'teacher' });
      }
      const mac = firstPasswordMac(services.secrets, IDS.first, FIRST_PASSWORD);
      const first = { personId: IDS.first, kind: 'first', mac, createdAt: TEST_NOW } as const;
      await upsertFirstPassword(tx, { ...first, expiresAt: TEST_NOW + DAY_MS });
      const factor = { id: 'totp', personId: IDS.factor, kind: 'totp', name: 'phone', createdAt: TEST_NOW } as const;
      await insertSecondFactor(tx, { ...factor, key: 'sealed', counter: 0 });
    });
    await services.people.setStatus(IDS.disabled, 'disabled', undefined);
  });
  beforeEach(() =>
    on.store.write(async (tx) => {
      await tx.db.delete(tx.tables.throttles);
      const locked = { failures: ACCOUNT_POLICY.lockAfterFailures, blockedUntil: 0, updatedAt: TEST_NOW };
      await upsertThrottle(tx, personKey(IDS.locked), locked);
    }),
  );

  const handleOf = async (key: Key, clientId: string): Promise<string> => {
    const client = await directory.findClient(clientId);
    assert.ok(client);
    return directory.handleOf(client, IDS[key]);
  };
  /** Returns the result and the statements of a bind. */
  const watch = async (
    name: string,
    password: string,
    serviceId: string | undefined,
  ): Promise<{ kind: PersonBind['kind']; statements: string[] }> => {
    recorded.takeStatements();
    const { kind } = await binds.bindPerson({ name, password, address: ADDRESS, serviceId });
    return { kind, statements: recorded.takeStatements() };
  };

  for (const [clientId, serviceId] of [
    ['wifi', undefined],
    ['wifi', 'wifi'],
    ['mail', undefined],
    ['mail', 'mail'],
  ] as const) {
    it(`run the same statements for every failure at ${clientId}, after a bind of ${serviceId ?? 'no client'}`, async () => {
      const names: [what: string, name: string, passwords: string[]][] = [
        ['unknown', 'unknown.person', []],
        ['forged', 'a'.repeat(64), []],
        ['gone', await handleOf('gone', clientId), []],
        ['known', await handleOf('known', clientId), []],
        ['disabled', await handleOf('disabled', clientId), [PASSWORD]],
        ['locked', await handleOf('locked', clientId), [PASSWORD]],
        ['first', await handleOf('first', clientId), []],
        ['hidden', await handleOf('hidden', clientId), []],
        ['factor', await handleOf('factor', clientId), []],
      ];
      for (const wrong of ['wrong', createApplicationPassword(systemRandom)]) {
        const { statements: reference } = await watch('another.person', wrong, serviceId);
        assert.ok(reference.length > 5, String(reference.length));
        for (const [what, name, passwords] of names) {
          for (const password of [wrong, ...(wrong === 'wrong' ? passwords : [])]) {
            const { kind, statements } = await watch(name, password, serviceId);
            assert.equal(kind, 'failed', what);
            assert.deepEqual(statements, reference, `${what} ${password}`);
          }
        }
      }
    });
  }

  const hasFailed = (key: Key): Promise<boolean> =>
    on.store.read((tx) => hasFailures(tx, services.secrets, IDS[key], TEST_NOW));

  it('read a person only after a correct password', async () => {
    const name = await handleOf('known', 'mail');
    const facts = /from "memberships"|from "settings"/;
    const wrong = await watch(name, 'wrong', 'mail');
    assert.deepEqual([wrong.kind, wrong.statements.filter((text) => facts.test(text))], ['failed', []]);
    const { kind, statements } = await watch(name, PASSWORD, 'mail');
    assert.equal(kind, 'succeeded');
    assert.equal(statements.filter((text) => text.includes('"clients"')).length, 1);
    const positions = ['"throttles"', '"passwords"', '"memberships"', '"settings"', '"audit"'].map((table) =>
      statements.findIndex((text) => text.includes(table)),
    );
    assert.deepEqual(
      positions,
      positions.toSorted((a, b) => a - b),
    );
    assert.ok(!positions.includes(-1), String(positions));
  });

  const failUntilDelayed = async (name: string): Promise<void> => {
    for (let at = 0; at < ACCOUNT_POLICY.freeAttempts; at += 1) {
      assert.equal((await watch(name, 'wrong', undefined)).kind, 'failed');
    }
  };

  it('delay one name of a person, so two sectors do not learn that their names are of one person', async () => {
    const [ofWifi, ofMail] = await Promise.all([handleOf('known', 'wifi'), handleOf('known', 'mail')]);
    assert.notEqual(ofWifi, ofMail);
    await failUntilDelayed(ofWifi);
    const another = await watch(await handleOf('gone', 'mail'), 'wrong', undefined);
    assert.deepEqual(await watch(ofMail, 'wrong', undefined), another);
    assert.equal(another.kind, 'failed');
    assert.equal((await watch(ofMail, PASSWORD, undefined)).kind, 'succeeded');
    assert.equal((await watch(ofWifi, PASSWORD, undefined)).kind, 'throttled');
  });

  it('delay every spelling of a name alike, with and without an active account', async () => {
    for (const key of ['known', 'disabled', 'gone', 'hidden'] as const) {
      const name = await handleOf(key, 'wifi');
      await failUntilDelayed(name);
      const spellings = [name, name.toUpperCase(), name.replaceAll('k', '\u212A')];
      for (const one of spellings) assert.equal((await watch(one, 'wrong', undefined)).kind, 'throttled', key);
    }
  });

  it('count failures under each name of a person, until an unlock or its correct password', async () => {
    for (const end of ['unlock', 'correct'] as const) {
      const names = await Promise.all(['wifi', 'mail'].map((client) => handleOf('known', client)));
      for (const name of names) await failUntilDelayed(name);
      for (const name of names) assert.equal((await watch(name, PASSWORD, undefined)).kind, 'throttled');
      assert.equal(await hasFailed('known'), true);
      if (end === 'unlock') await services.people.unlock(IDS.known);
      else services.advance(ACCOUNT_POLICY.firstDelayMs);
      for (const name of names) assert.equal((await watch(name, PASSWORD, undefined)).kind, 'succeeded');
      assert.equal(await hasFailed('known'), false);
    }
  });

  it('refuse the correct password of a person whom no client shows, and reset the failures', async () => {
    await watch(await handleOf('hidden', 'wifi'), 'wrong', undefined);
    assert.equal(await hasFailed('hidden'), true);
    await services.newEntries();
    assert.equal((await watch(await handleOf('hidden', 'wifi'), PASSWORD, undefined)).kind, 'failed');
    assert.equal(await hasFailed('hidden'), false);
    assert.deepEqual(
      (await services.newEntries()).map(({ event, outcome, subjectId, clientId }) => [
        event,
        outcome,
        subjectId,
        clientId,
      ]),
      [['sign_in.failed', 'refused', IDS.hidden, 'wifi']],
    );
  });

  it('refuse the correct password of a disabled account, and count no failure of the person', async () => {
    for (const password of ['wrong', PASSWORD]) {
      assert.equal((await watch(await handleOf('disabled', 'wifi'), password, undefined)).kind, 'failed');
    }
    assert.deepEqual(await on.store.read((tx) => readThrottle(tx, personKey(IDS.disabled))), undefined);
  });

  it('ask for a second factor and a new password only after the correct password', async () => {
    for (const [key, password, expected] of [
      ['factor', PASSWORD, 'second_factor_required'],
      ['first', FIRST_PASSWORD, 'password_change_required'],
      ['locked', PASSWORD, 'failed'],
    ] as const) {
      assert.equal((await watch(await handleOf(key, 'wifi'), password, 'wifi')).kind, expected, key);
    }
  });
});
