import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, it } from 'node:test';

import { sql } from 'drizzle-orm';

import type { Login } from '../../src/domain/identifiers.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createAttempts, firstPasswordMac, type Attempts, type AttemptResult } from '../../src/services/attempts.ts';
import { createAudit } from '../../src/services/audit.ts';
import { createHasher, type Hasher } from '../../src/services/hashing.ts';
import { createMetrics } from '../../src/services/metrics.ts';
import { createSecrets } from '../../src/services/secrets.ts';
import * as credentials from '../../src/store/credentials.ts';
import type { Store } from '../../src/store/database/index.ts';
import { insertIdentifier, insertPerson } from '../../src/store/people.ts';
import { createKeptLog, type KeptLog } from '../helpers/log.ts';
import { eachStore } from '../helpers/store.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const PASSWORD = 'four small boats at anchor';
const secrets = createSecrets(randomBytes(32), systemRandom);
const clock = { now: () => NOW };

/** A number that changes with each commit that wrote something. */
const COMMITS = {
  sqlite: sql<string>`(select data_version from pragma_data_version)`,
  postgres: sql<string>`pg_current_wal_insert_lsn()::text`,
};

eachStore('an attempt under one of several logins', (on) => {
  let hasher: Hasher;
  let attempts: Attempts;
  let kept: KeptLog;
  const counted = { compared: 0, decoys: 0, commits: 0 };
  before(async () => {
    hasher = await createHasher({ memoryKib: 7_168, passes: 1, threads: 2, queue: 100 });
    kept = createKeptLog();
    const base = { store: counting(on.store), secrets, clock, log: kept.log };
    const audit = createAudit({ ...base, metrics: createMetrics(hasher, kept.log) });
    attempts = createAttempts({ ...base, hasher: countingHasher(), audit });
  });
  after(() => hasher.close());
  beforeEach(() => {
    Object.assign(counted, { compared: 0, decoys: 0, commits: 0 });
  });

  const countingHasher = (): Hasher => ({
    ...hasher,
    verify: (hash, password) => {
      counted.compared += 1;
      return hasher.verify(hash, password);
    },
    verifyDecoy: (password) => {
      counted.decoys += 1;
      return hasher.verifyDecoy(password);
    },
  });
  const version = async (store: Store): Promise<unknown> =>
    store.read((u) => u.db.select({ at: COMMITS[u.dialect] }).from(u.t.persons).limit(1));
  /** Counts what really reaches the disk. */
  const counting = (store: Store): Store => ({
    ...store,
    write: async (fn) => {
      const [before, result, later] = [await version(store), await store.write(fn), await version(store)];
      if (JSON.stringify(before) !== JSON.stringify(later)) counted.commits += 1;
      return result;
    },
  });
  const logins = (id: string): [Login, Login] => [
    { kind: 'email', value: `${id}@parents.example` },
    { kind: 'account', value: `account.${id}` },
  ];
  const addPerson = (id: string): Promise<void> =>
    on.store.write(async (u) => {
      await insertPerson(u, { id, kind: 'person', name: '王大明', status: 'active', createdAt: NOW, updatedAt: NOW });
      for (const { kind, value } of logins(id)) {
        await insertIdentifier(u, { id: `${id} ${kind}`, personId: id, kind, value, createdAt: NOW });
      }
    });
  const addPassword = (id: string, hash: string): Promise<void> =>
    on.store.write((u) => credentials.setPassword(u, id, hash, NOW));
  const addFirst = (id: string, expiresAt: number): Promise<void> =>
    on.store.write((u) =>
      credentials.setFirstPassword(u, {
        personId: id,
        mac: firstPasswordMac(secrets, id, '100201'),
        expiresAt,
        createdAt: NOW,
      }),
    );
  const attempt = async (
    personId: string | undefined,
    login: Login | undefined,
    password = 'wrong',
  ): Promise<AttemptResult['kind']> =>
    (await attempts.verify({ personId, login, password, address: systemRandom.uuid() })).kind;

  it('counts in parallel under both: five passwords are compared, and each login admits its own five', async () => {
    await addPerson('ping');
    await addPassword('ping', await hasher.hash(PASSWORD));
    const kinds = await Promise.all(
      Array.from({ length: 10 }, () => logins('ping').map((login) => attempt('ping', login))).flat(),
    );
    const wrong = kinds.filter((kind) => kind === 'wrong').length;
    assert.deepEqual([wrong, kinds.length - wrong], [10, 10]);
    assert.deepEqual([counted.compared, counted.decoys], [5, 5]);
    assert.equal(await attempt('ping', undefined, PASSWORD), 'throttled', 'on a page without a login the wait shows');
  });

  it('is free again under every login when a lock has been opened', async () => {
    await on.store.write((u) => attempts.forgive(u, 'ping'));
    for (const login of logins('ping')) assert.equal(await attempt('ping', login, PASSWORD), 'password');
  });

  it('costs one hash and the same commits on each wrong road, so its time tells of no first password', async () => {
    const roads = ['own', 'none', 'open', 'closed', 'expired', 'waiting', 'unreadable'];
    for (const id of roads) await addPerson(id);
    for (const id of ['own', 'waiting']) await addPassword(id, await hasher.hash(PASSWORD));
    for (const id of ['open', 'closed']) await addFirst(id, NOW + 1);
    await addFirst('expired', NOW);
    await addPassword('unreadable', '{SSHA}nonsense');
    for (let i = 0; i < 5; i += 1) {
      for (const id of ['closed', 'waiting']) await attempt(id, logins(id)[0]);
    }
    await on.store.write(async (u) => {
      await attempts.forgive(u, 'closed');
    });
    const costs: unknown[] = [];
    for (const id of [...roads, undefined]) {
      Object.assign(counted, { compared: 0, decoys: 0, commits: 0 });
      assert.equal(await attempt(id, logins(id ?? 'nobody')[1]), 'wrong', id);
      const hashes = id === 'unreadable' ? counted.decoys : counted.compared + counted.decoys;
      costs.push([id, hashes, counted.commits]);
    }
    assert.deepEqual(
      costs,
      [...roads, undefined].map((id) => [id, 1, 2]),
    );
    const first = await on.store.read((u) => credentials.credentialOf(u, 'open'));
    assert.equal(first.first?.failures, 1);
  });

  it('against a hash that argon2 can not read, or that would eat the machine, is wrong, and the log says so without the hash', async () => {
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
      await on.store.write((u) => attempts.forgive(u, 'odd'));
      const before = kept.text().length;
      assert.equal(await attempt('odd', logins('odd')[0], PASSWORD), 'wrong', hash);
      const line = kept.text().slice(before);
      assert.match(line, /"level":"error".*password hash can not be read/, hash);
      assert.ok(hash === '' || !line.includes(hash.slice(-12)), line);
    }
  });
});
