import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { sql } from 'drizzle-orm';

import type { Login } from '../../src/domain/credentials/identifiers.ts';
import { systemRandom } from '../../src/domain/random.ts';
import type { Secrets } from '../../src/platform/crypto/secrets.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import {
  firstPasswordMac,
  type PasswordVerifier,
  type VerificationResult,
} from '../../src/services/authentication/password-verification.ts';
import * as credentials from '../../src/store/auth/credentials.ts';
import { readThrottleForUpdate, upsertThrottle } from '../../src/store/auth/throttles.ts';
import type { Store, Transaction } from '../../src/store/database/index.ts';
import { insertIdentifier, insertPerson } from '../../src/store/people/people.ts';
import { createCapturedLog, type CapturedLog } from '../helpers/log.ts';
import { createTestPasswordVerifier } from '../helpers/password-verifier.ts';
import { eachStore } from '../helpers/store.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const PASSWORD = 'four small boats at anchor';
const clock = { now: () => NOW };

const costOf = (hash: string): string => /m=\d+,t=\d+,p=\d+/.exec(hash)?.[0] ?? '';

/** Returns a number that changes with each commit of a write. */
const COMMITS = {
  sqlite: sql<string>`(select data_version from pragma_data_version)`,
  postgres: sql<string>`pg_current_wal_insert_lsn()::text`,
};

eachStore('attempt with one of several logins', (on) => {
  let hasher: PasswordHasher;
  let passwordVerifier: PasswordVerifier;
  let kept: CapturedLog;
  let secrets: Secrets;
  const counted = { compared: 0, decoys: 0, commits: 0, statements: 0 };
  /** The parameters of each decoy, as `m=…,t=…,p=…`. */
  const decoyCosts: string[] = [];
  before(async () => {
    hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 2, queueLimit: 100 });
    kept = createCapturedLog();
    const made = createTestPasswordVerifier({
      store: counting(on.store),
      hasher: countingHasher(),
      clock,
      log: kept.log,
    });
    ({ passwordVerifier, secrets } = made);
  });
  after(() => hasher.close());
  beforeEach(() => {
    Object.assign(counted, { compared: 0, decoys: 0, commits: 0, statements: 0 });
  });

  const countingHasher = (): PasswordHasher => ({
    ...hasher,
    verify: (hash, password) => {
      counted.compared += 1;
      return hasher.verify(hash, password);
    },
    verifyDecoy: (password, like) => {
      counted.decoys += 1;
      decoyCosts.push(costOf(like ?? ''));
      return hasher.verifyDecoy(password, like);
    },
  });
  const version = async (store: Store): Promise<unknown> =>
    store.read((tx) => tx.db.select({ at: COMMITS[tx.dialect] }).from(tx.tables.persons).limit(1));
  const countStatements = (unit: Transaction): Transaction => {
    const execute: Transaction['execute'] = (...statement) => {
      counted.statements += 1;
      return unit.execute(...statement);
    };
    return { ...unit, execute, db: unit.engine.queries(execute) };
  };
  /** Counts the commits that reach the disk. */
  const counting = (store: Store): Store => ({
    ...store,
    read: (fn) => store.read((tx) => fn(countStatements(tx))),
    write: async (fn) => {
      const [before, result, later] = [
        await version(store),
        await store.write((tx) => fn(countStatements(tx))),
        await version(store),
      ];
      if (JSON.stringify(before) !== JSON.stringify(later)) counted.commits += 1;
      return result;
    },
  });
  const logins = (id: string): [Login, Login] => [
    { kind: 'email', value: `${id}@parents.example` },
    { kind: 'account', value: `account.${id}` },
  ];
  const addPerson = (id: string): Promise<void> =>
    on.store.write(async (tx) => {
      await insertPerson(tx, { id, kind: 'person', name: '王大明', status: 'active', createdAt: NOW, updatedAt: NOW });
      for (const { kind, value } of logins(id)) {
        await insertIdentifier(tx, { id: `${id} ${kind}`, personId: id, kind, value, createdAt: NOW });
      }
    });
  const addPassword = (id: string, hash: string): Promise<number> =>
    on.store.write((tx) => credentials.upsertPassword(tx, id, hash, NOW));
  const addFirst = (id: string, expiresAt: number): Promise<void> =>
    on.store.write((tx) =>
      credentials.upsertFirstPassword(tx, {
        kind: 'first',
        personId: id,
        mac: firstPasswordMac(secrets, id, '100201'),
        expiresAt,
        createdAt: NOW,
      }),
    );
  const failuresOf = (id: string): Promise<number> =>
    on.store.write(async (tx) => (await readThrottleForUpdate(tx, `person:${id}`)).state?.failures ?? 0);
  const setFailures = (id: string, failures: number): Promise<void> =>
    on.store.write((tx) => upsertThrottle(tx, `person:${id}`, { failures, blockedUntil: 0, updatedAt: NOW }));
  const attempt = async (
    personId: string | undefined,
    login: Login | undefined,
    password = 'wrong',
  ): Promise<VerificationResult['kind']> =>
    (await passwordVerifier.verify({ personId, login, password, address: systemRandom.uuid() })).kind;

  it('is compared during the delay of the person and counts for it; each login admits five', async () => {
    await addPerson('ping');
    await addPassword('ping', await hasher.hash(PASSWORD));
    const kinds = await Promise.all(
      Array.from({ length: 10 }, () => logins('ping').map((login) => attempt('ping', login))).flat(),
    );
    const wrong = kinds.filter((kind) => kind === 'wrong').length;
    assert.deepEqual([wrong, kinds.length - wrong], [10, 10]);
    assert.deepEqual([counted.compared, counted.decoys], [10, 0]);
    assert.equal(await failuresOf('ping'), 10);
    assert.equal(await attempt('ping', undefined, PASSWORD), 'throttled', 'on a page without a login the wait shows');
  });

  it('succeeds while another login of the person is delayed', async () => {
    await addPerson('third');
    await addPassword('third', await hasher.hash(PASSWORD));
    const [email, account] = logins('third');
    for (let i = 0; i < 6; i += 1) await attempt('third', email);
    assert.equal(await attempt('third', email, PASSWORD), 'throttled');
    assert.equal(await attempt('third', account, PASSWORD), 'password');
    assert.equal(await failuresOf('third'), 0);
  });

  it('is not compared while the person is locked, and looks like a wrong password', async () => {
    await addPerson('locked');
    await addPassword('locked', await hasher.hash(PASSWORD));
    await setFailures('locked', 49);
    assert.equal(await attempt('locked', logins('locked')[0]), 'wrong');
    assert.deepEqual([counted.compared, counted.decoys], [1, 0]);
    assert.equal(await attempt('locked', logins('locked')[1], PASSWORD), 'wrong');
    assert.deepEqual([counted.compared, counted.decoys], [1, 1]);
    assert.equal(await failuresOf('locked'), 50);
    assert.equal(await attempt('locked', undefined, PASSWORD), 'throttled');
  });

  it('is admitted under every login after an unlock', async () => {
    await on.store.write((tx) => passwordVerifier.resetFailures(tx, 'ping'));
    assert.equal(await failuresOf('ping'), 0);
    for (const login of logins('ping')) assert.equal(await attempt('ping', login, PASSWORD), 'password');
  });

  it('costs the same hashes, statements and commits for each wrong result', async () => {
    const accounts = ['own', 'none', 'open', 'closed', 'expired', 'waiting', 'stuck', 'unreadable'];
    for (const id of accounts) await addPerson(id);
    for (const id of ['own', 'waiting', 'stuck']) await addPassword(id, await hasher.hash(PASSWORD));
    for (const id of ['open', 'closed']) await addFirst(id, NOW + 1);
    await addFirst('expired', NOW);
    await addPassword('unreadable', '{SSHA}nonsense');
    for (let i = 0; i < 10; i += 1) {
      await on.store.write((tx) =>
        credentials.countFirstPasswordFailure(tx, 'closed', { first: 10, one_time_code: 10 }, NOW),
      );
    }
    for (let i = 0; i < 5; i += 1) await attempt('waiting', logins('waiting')[0]);
    await setFailures('stuck', 50);
    const costs: unknown[] = [];
    for (const id of [...accounts, undefined]) {
      Object.assign(counted, { compared: 0, decoys: 0, commits: 0, statements: 0 });
      assert.equal(await attempt(id, logins(id ?? 'unknown')[1]), 'wrong', id);
      const hashes = id === 'unreadable' ? counted.decoys : counted.compared + counted.decoys;
      costs.push([id, hashes, counted.statements, counted.commits]);
    }
    // Three locks and three writes of counters, two reads, then the count for a first password and the row that is always written.
    assert.deepEqual(
      costs,
      [...accounts, undefined].map((id) => [id, 1, 10, 2]),
    );
    const first = await on.store.read((tx) => credentials.getCredential(tx, 'open'));
    assert.equal(first.first?.failures, 1);
  });

  it('costs a decoy with the parameters of a stored hash, constant for each login', async () => {
    const costs = ['m=7168,t=1,p=1', 'm=8192,t=1,p=1'];
    await on.store.write(async (tx) => {
      await tx.db.delete(tx.tables.passwords);
    });
    const attemptUnknown = async (name: string): Promise<string | undefined> => {
      assert.equal(await attempt(undefined, { kind: 'account', value: name }), 'wrong');
      return decoyCosts.at(-1);
    };
    assert.equal(await attemptUnknown('first.of.all'), '', 'without any stored hash: today’s parameters');
    const hash = await hasher.hash(PASSWORD);
    for (let at = 0; at < 40; at += 1) {
      const id = systemRandom.uuid();
      await addPerson(id);
      await addPassword(id, hash.replace(/m=\d+,t=\d+,p=\d+/, costs[at % 2] ?? ''));
    }
    const names = Array.from({ length: 60 }, (_, at) => `unknown.${String(at)}`);
    const seen: (string | undefined)[] = [];
    for (const name of names) seen.push(await attemptUnknown(name));
    assert.deepEqual(new Set(seen), new Set(costs));
    const cheap = seen.filter((cost) => cost === costs[0]).length;
    assert.ok(cheap > 6 && cheap < 54, `${String(cheap)} of 60; half of the hashes have this cost`);
    for (const [at, name] of names.slice(0, 8).entries()) assert.equal(await attemptUnknown(name), seen[at], name);
    // An account without a hash has the same decoy under each of its logins.
    await addPerson('passwordless');
    await addFirst('passwordless', NOW + 1);
    for (const login of logins('passwordless')) assert.equal(await attempt('passwordless', login), 'wrong');
    assert.equal(decoyCosts.at(-1), decoyCosts.at(-2));
  });

  it('costs the same for a locked account as its own hash', async () => {
    const stored = (await hasher.hash(PASSWORD)).replace('m=7168', 'm=9216');
    await addPerson('expensive');
    await addPassword('expensive', stored);
    await setFailures('expensive', 50);
    assert.equal(await attempt('expensive', logins('expensive')[0], PASSWORD), 'wrong');
    assert.equal(decoyCosts.at(-1), 'm=9216,t=1,p=1');
  });

  it('fails for an unreadable or too expensive hash, and logs an error without the hash', async () => {
    const good = await hasher.hash(PASSWORD);
    const hashes = [
      '',
      'nonsense',
      '{SSHA}c2FsdA==',
      '$2b$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      good.slice(0, -43),
      good.replace('m=7168', 'm=4000000000'),
    ];
    await addPerson('odd');
    for (const hash of hashes) {
      await addPassword('odd', hash);
      await on.store.write((tx) => passwordVerifier.resetFailures(tx, 'odd'));
      const before = kept.text().length;
      assert.equal(await attempt('odd', logins('odd')[0], PASSWORD), 'wrong', hash);
      const line = kept.text().slice(before);
      assert.match(line, /"level":"error".*failed to read a stored password hash/, hash);
      assert.ok(hash === '' || !line.includes(hash.slice(-12)), line);
    }
  });
});
