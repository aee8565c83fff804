import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import * as audit from '../../src/store/audit.ts';
import {
  getCredential,
  countFirstPasswordFailure,
  upsertResetLink,
  upsertFirstPassword,
} from '../../src/store/auth/credentials.ts';
import { readThrottleForUpdate } from '../../src/store/auth/throttles.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { openStore, type Dialect, type StoreOptions } from '../../src/store/database/index.ts';
import { migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { listKeys } from '../../src/store/oidc/keys.ts';
import { claimDue, insertJob, markDelivered } from '../../src/store/outbox.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { verifyChain } from '../helpers/audit-chain.ts';
import { startCluster } from '../helpers/postgres.ts';
import { eachStore, createDatabaseLocation, type TestStore } from '../helpers/store.ts';
import { NOW, TRIES } from './constants.ts';
import { startCompanion, type Companion } from './processes.ts';
import type { Action } from './store-process.ts';

const numbers = z.array(z.number());
const strings = z.array(z.string());

interface Pair {
  ask(action: Action, first?: string, second?: string): Promise<[unknown, unknown]>;
}

/** Runs two further processes on the same database during all tests of the suite. */
function companions(on: TestStore): Pair {
  const pair: Companion[] = [];
  before(async () => {
    pair.push(...(await Promise.all([startCompanion(on.location), startCompanion(on.location)])));
  });
  after(() => Promise.all(pair.map((companion) => companion.end())));
  return {
    ask: (action, first, second) => {
      const [one, other] = pair;
      assert.ok(one && other);
      return Promise.all([one.ask(action, first), other.ask(action, second)]);
    },
  };
}

eachStore('two processes at once', (on) => {
  const pair = companions(on);

  it('redeem each code exactly once', async () => {
    const rounds = 50;
    const codes = Array.from({ length: rounds }, (_, i) => ({
      model: 'AuthorizationCode',
      idHash: `code-${String(i)}`,
      payload: '{}',
      createdAt: NOW,
      expiresAt: NOW + 60_000,
    }));
    await on.store.write((tx) => insertMany(tx, tx.tables.oidcRecords, codes));
    const [first, second] = await pair.ask('consume', String(rounds), String(rounds));
    const ones = numbers.parse(first);
    const others = numbers.parse(second);
    assert.deepEqual(
      ones.map((wins, round) => wins + (others[round] ?? 0)),
      Array<number>(rounds).fill(1),
    );
  });

  it('use a reset link exactly once', async () => {
    const person = { id: 'p1', kind: 'person', name: '王大明', status: 'active', createdAt: 1, updatedAt: 1 } as const;
    await on.store.write(async (tx) => {
      await insertPerson(tx, person);
      await upsertResetLink(tx, { personId: 'p1', tokenHash: 'older', expiresAt: NOW + 1, createdAt: 1 });
      await upsertResetLink(tx, { personId: 'p1', tokenHash: 'token', expiresAt: NOW + 1, createdAt: 2 });
    });
    const [first, second] = z.tuple([z.number(), z.number()]).parse(await pair.ask('resetLink'));
    assert.equal(first + second, 1);
  });

  it('count every attempt', async () => {
    await pair.ask('throttle');
    const { state } = await on.store.write((tx) => readThrottleForUpdate(tx, 'one'));
    assert.equal(state?.failures, TRIES * 4);
  });

  it('never send the same job', async () => {
    const jobs = Array.from({ length: 200 }, (_, i) => ({
      id: `job-${String(i)}`,
      kind: 'mail' as const,
      payload: '-',
      nextAt: NOW - (i % 10),
      createdAt: NOW,
    }));
    await on.store.write((tx) => insertMany(tx, tx.tables.outbox, jobs));
    const [first, second] = await pair.ask('claim');
    const all = [...strings.parse(first), ...strings.parse(second)];
    assert.equal(new Set(all).size, all.length);
    assert.deepEqual(all.sort(), jobs.map(({ id }) => id).sort());
  });

  it('agree on one key', async () => {
    const won = await pair.ask('key', 'a', 'b');
    assert.deepEqual(won.sort(), [false, true]);
    assert.equal((await on.store.read(listKeys)).length, 1);
  });
});

eachStore(
  'migrations',
  (on) => {
    const pair = companions(on);

    it('are applied once by two processes that start at the same time', async () => {
      const before = await pendingMigrations(on.store);
      assert.ok(before.length > 0);
      const [first, second] = await pair.ask('migrate');
      assert.deepEqual([...strings.parse(first), ...strings.parse(second)], before);
      assert.deepEqual(await pendingMigrations(on.store), []);
      assert.deepEqual(await migrate(on.store), []);
    });
  },
  { migrated: false },
);

eachStore('one process', (on) => {
  it('chains parallel audit entries', async () => {
    const entry = {
      at: NOW,
      event: 'sign_in',
      outcome: 'ok',
      actorId: 'p1',
      subjectId: null,
      clientId: 'portfolio',
      // Such text must not fail the write, and the hash must cover the stored text.
      address: '2001:db8::1\0',
      detail: { agent: 'half \ud800 pair \0 and 王', count: 1.5, remember: true },
    };
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) =>
        on.store.write(async (tx) => {
          await audit.appendEntry(tx, { ...entry, at: NOW + i }, ({ hash }) => hash);
          if (i % 10 === 9) throw new Error('rolled back');
        }),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 45);
    const rows: ChainedEntry[] = [];
    for await (const row of audit.readEntries(on.store, 0, 7)) rows.push(row);
    const { mac, ...head } = await on.store.read(audit.getHead);
    assert.equal(rows.length, 45);
    assert.deepEqual(verifyChain(rows), { ok: true, head });
    assert.equal(mac, head.hash, 'sealed by the last one');
  });

  it('closes a first password at the limit despite parallel attempts', async () => {
    await on.store.write(async (tx) => {
      await insertPerson(tx, {
        id: 'p1',
        kind: 'person',
        name: '王大明',
        status: 'active',
        createdAt: 1,
        updatedAt: 1,
      });
      await upsertFirstPassword(tx, { kind: 'first', personId: 'p1', mac: 'mac', expiresAt: NOW + 100, createdAt: 1 });
    });
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        on.store.write((tx) => countFirstPasswordFailure(tx, 'p1', { first: 5, one_time_code: 5 }, NOW + i)),
      ),
    );
    const { first } = await on.store.read((tx) => getCredential(tx, 'p1'));
    assert.equal(first?.failures, 5, 'and counts no more');
    assert.ok(first.closedAt !== null && first.closedAt >= NOW);
  });

  it('gives a job to the next worker after its lease expires', async () => {
    await on.store.write((tx) =>
      insertJob(tx, { id: 'j', kind: 'mail', payload: 'sealed', nextAt: NOW, createdAt: NOW }),
    );
    const claim = async (at: number): Promise<number[]> =>
      (await on.store.write((tx) => claimDue(tx, at, 1_000, 10))).map(({ attempts }) => attempts);
    assert.deepEqual(await claim(NOW - 1), []);
    assert.deepEqual(await claim(NOW), [1]);
    assert.deepEqual(await claim(NOW + 999), []);
    assert.deepEqual(await claim(NOW + 1_000), [2]);
    await on.store.write((tx) => markDelivered(tx, 'j', NOW + 1_001));
    assert.deepEqual(await claim(NOW + 9_000), []);
  });
});

async function durablePlace(): Promise<{ location: StoreOptions; remove: () => Promise<void> }> {
  const cluster = await startCluster({ durable: true });
  return { location: { url: await cluster.createDatabase() }, remove: () => cluster.stop() };
}

describe('kill -9', () => {
  const survives = async (dialect: Dialect): Promise<void> => {
    const { location, remove } = dialect === 'sqlite' ? await createDatabaseLocation(dialect) : await durablePlace();
    try {
      await openStore(location).then(async (store) => {
        await migrate(store);
        await store.close();
      });
      const writer = await startCompanion(location);
      writer.tell('writeOn', 'k');
      while (writer.lines.length < 100) await sleep(5);
      writer.process.kill('SIGKILL');
      await once(writer.process, 'close');
      assert.equal(writer.process.signalCode, 'SIGKILL');
      const store = await openStore(location);
      const kept = new Set((await store.read((tx) => tx.db.select().from(tx.tables.schools))).map(({ code }) => code));
      await store.close();
      // The last line may be incomplete. Every complete line is an acknowledged write.
      const said = writer.lines.filter((line) => /^k\d+$/.test(line)).slice(0, -1);
      assert.ok(said.length >= 98);
      assert.deepEqual(
        said.filter((code) => !kept.has(code)),
        [],
      );
    } finally {
      await remove();
    }
  };
  it('loses no acknowledged write on SQLite', () => survives('sqlite'));
  it('loses no acknowledged write on PostgreSQL', () => survives('postgres'));
});
