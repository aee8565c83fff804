import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { sql } from 'drizzle-orm';

import { openStore, type Store, type Transaction } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';

const POOL = 4;

describe('reads on PostgreSQL', () => {
  let store: Store;
  before(async () => {
    store = await openStore({ url: await testDatabaseUrl(), poolSize: POOL });
    await migrate(store);
    await store.write((tx) => insertSchool(tx, { code: '1', name: '一', nameEn: 'One', type: 'elementary' }));
  });
  after(() => store.close());

  const ask = async (expression: string): Promise<unknown> => {
    const [row] = await store.read((tx) => tx.db.select({ value: sql.raw(expression) }).from(tx.tables.schools));
    return row?.value;
  };
  const atOnce = (count: number): Promise<unknown[]> =>
    Promise.all(Array.from({ length: count }, () => ask('pg_backend_pid()')));

  it('share connections when they start at once and leave others free', async () => {
    assert.equal(new Set(await atOnce(8)).size, 1);
    assert.equal(new Set(await atOnce(24)).size, 3);
    // More reads than all connections can run at once, so the last ones wait for a connection.
    assert.equal((await atOnce(200)).length, 200);
  });

  it('show the use of both pools', async () => {
    await atOnce(8);
    await store.write(async () => {
      const [read, write] = store.poolUse();
      assert.deepEqual([read?.pool, read?.busy, read?.max], ['read', 0, POOL]);
      assert.deepEqual([write?.pool, write?.busy, write?.waiting], ['write', 1, 0]);
      return Promise.resolve();
    });
  });

  it('do not wait for an earlier slow read', async () => {
    const [locked, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const holder = store.write(async (tx) => {
      await tx.execute('select pg_advisory_xact_lock(1)', []);
      locked.resolve(undefined);
      await release.promise;
    });
    await locked.promise;
    const slow = ask('pg_advisory_xact_lock(1)');
    const isWaiting = `select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`;
    try {
      // Not a read, which would share the connection of the slow one if it started at once.
      await pollUntil('the slow read', () => store.write(async (tx) => (await tx.execute(isWaiting, [])).length === 1));
      await ask('1');
    } finally {
      release.resolve(undefined);
    }
    await Promise.all([holder, slow]);
  });

  it('all finish under a constant load of further reads', async () => {
    const end = performance.now() + 2_000;
    let longest = 0;
    const continueReading = async (): Promise<void> => {
      while (performance.now() < end) {
        const begin = performance.now();
        await ask('pg_sleep(0.005)');
        longest = Math.max(longest, performance.now() - begin);
      }
    };
    await Promise.all(Array.from({ length: POOL * 12 }, continueReading));
    assert.ok(longest < 1_500, `${String(longest)} ms`);
  });

  it('are retried when their connection is killed', async () => {
    const pid = Number(await ask('pg_backend_pid()'));
    const slow = Array.from({ length: 8 }, () => ask('case when pg_sleep(0.05) is null then 0 else 1 end'));
    await store.write((tx) =>
      tx.db.select({ killed: sql.raw(`pg_terminate_backend(${String(pid)})`) }).from(tx.tables.schools),
    );
    assert.deepEqual(await Promise.all(slow), Array(8).fill(1));
    const others = await atOnce(8);
    assert.ok(!others.includes(pid));
    // A killed idle connection is replaced at the next read.
    await store.write((tx) =>
      tx.db.select({ killed: sql.raw(`pg_terminate_backend(${String(others[0])})`) }).from(tx.tables.schools),
    );
    assert.notEqual(await ask('pg_backend_pid()'), others[0]);
  });

  it('cannot write', async () => {
    await assert.rejects(store.read((tx) => tx.db.delete(tx.tables.schools)));
  });
});

describe('a write on PostgreSQL', () => {
  it('is rolled back when the server has lost the prepared statements, as behind a wrong pooler', async () => {
    const store = await openStore({ url: await testDatabaseUrl(), poolSize: 1 });
    await migrate(store);
    const add = (tx: Transaction, code: string): Promise<void> =>
      insertSchool(tx, { code, name: '一', nameEn: 'One', type: 'elementary' });
    await store.write((tx) => add(tx, '1'));
    await store.runExclusively((run) => run('deallocate all'));
    const work = store.write(async (tx) => {
      await add(tx, '2');
      throw new Error('half-way');
    });
    await assert.rejects(work, { message: 'half-way' });
    await store.write((tx) => add(tx, '3'));
    const rows = await store.read((tx) => tx.db.select().from(tx.tables.schools).orderBy(tx.tables.schools.code));
    assert.deepEqual(
      rows.map(({ code }) => code),
      ['1', '3'],
    );
    await store.close();
  });
});
