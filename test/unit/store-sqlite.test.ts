/** SQLite connections, group commit, and database errors. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { DrizzleQueryError } from 'drizzle-orm/errors';
import pg from 'pg';

import { chunksOf } from '../../src/store/database/bulk-insert.ts';
import { codeOf, ConflictError, StoreError, withoutValues } from '../../src/store/database/errors.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import {
  CONNECTION_LOST,
  throwConnectionError,
  COMMIT_OUTCOME_UNKNOWN,
} from '../../src/store/database/postgres/connection-errors.ts';
import { openReader, openWriter } from '../../src/store/database/sqlite/connection.ts';

const folder = mkdtempSync(join(tmpdir(), 'kinpass-sqlite-unit-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('SQLite connections', () => {
  it('create the folder, the file and its log for this user only', () => {
    const file = join(folder, 'new', 'deep', 'kinpass.db');
    const writer = openWriter(file);
    writer.run('create table t (a text)');
    assert.deepEqual([mode(file), mode(`${file}-wal`), mode(`${file}-shm`)], ['600', '600', '600']);
    assert.equal(mode(join(folder, 'new', 'deep')), '700');
    writer.close();
  });

  it('sync every commit, check foreign keys and use write-ahead logging', () => {
    const writer = openWriter(join(folder, 'pragmas.db'));
    const pragma = (name: string): unknown => writer.run(`pragma ${name}`)[0]?.[0];
    assert.equal(pragma('journal_mode'), 'wal');
    assert.equal(pragma('synchronous'), 2);
    assert.equal(pragma('foreign_keys'), 1);
    assert.equal(pragma('wal_autocheckpoint'), 4_000);
    assert.equal(pragma('temp_store'), 2);
    writer.close();
  });

  it('reject writes when opened for reading', async () => {
    const file = join(folder, 'reader.db');
    const writer = openWriter(file);
    assert.deepEqual(writer.run('create table t (a text)'), []);
    assert.deepEqual(await writer.execute('insert into t values (?)', ['x']), []);
    const reader = openReader(file);
    assert.deepEqual(await reader.execute('select a from t where a = ?', ['x']), [['x']]);
    assert.deepEqual(await reader.execute('select a from t where a = ?', ['y']), []);
    assert.throws(() => reader.run('insert into t values (1)'), /readonly/);
    assert.throws(() => openReader(join(folder, 'missing.db')));
    reader.close();
    writer.close();
  });

  it('report if they are in a transaction', () => {
    const writer = openWriter(join(folder, 'transaction.db'));
    assert.equal(writer.isInTransaction(), false);
    writer.run('begin');
    assert.equal(writer.isInTransaction(), true);
    writer.run('rollback');
    assert.equal(writer.isInTransaction(), false);
    writer.close();
  });
});

describe('SQLite store', () => {
  const open = async (name: string): Promise<Store> => {
    const store = await openStore({ file: join(folder, name) });
    await store.runExclusively(async (run) => {
      await run('create table parent (id integer primary key)');
      await run('create table child (id integer primary key, parent integer references parent (id))');
    });
    return store;
  };
  const numbers = (store: Store): Promise<unknown[][]> => store.read((tx) => tx.execute('select id from parent', []));

  it('waits for another process that writes and then continues', async () => {
    const store = await open('busy.db');
    const other = openWriter(join(folder, 'busy.db'));
    other.run('begin immediate');
    let isDone = false;
    const start = performance.now();
    const written = store.write((tx) => tx.execute('insert into parent values (1)', [])).then(() => (isDone = true));
    await sleep(150);
    assert.equal(isDone, false);
    assert.ok(performance.now() - start < 4_000, 'the wait does not block the process');
    other.run('commit');
    await written;
    assert.deepEqual(await numbers(store), [[1]]);
    other.close();
    await store.close();
  });

  it('resolves writes after the commit only and rejects all of them when it fails', async () => {
    const store = await open('commit.db');
    await store.runExclusively((run) =>
      run('create table late (id integer references parent (id) deferrable initially deferred)'),
    );
    const results = await Promise.allSettled([
      store.write((tx) => tx.execute('insert into parent values (2)', [])),
      store.write((tx) => tx.execute('insert into late values (99)', [])),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(await numbers(store), []);
    await store.write((tx) => tx.execute('insert into parent values (3)', []));
    assert.deepEqual(await numbers(store), [[3]]);
    await store.close();
  });

  it('rolls back a change of the schema that breaks foreign keys or throws', async () => {
    const store = await open('maintain.db');
    await assert.rejects(
      store.runExclusively((run) => run('insert into child values (1, 99)')),
      /foreign keys broken in 1 rows/,
    );
    await assert.rejects(
      store.runExclusively(async (run) => {
        await run('insert into parent values (1)');
        throw new Error('half-way');
      }),
      /half-way/,
    );
    assert.deepEqual(await numbers(store), []);
    await assert.rejects(
      store.write((tx) => tx.execute('insert into child values (1, 99)', [])),
      { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
      'the check is on again',
    );
    await store.close();
  });

  it('rejects writes and changes of the schema after it was closed', async () => {
    const store = await open('closed.db');
    await store.close();
    const closed = { name: 'StoreError', message: 'the store is closed' };
    await assert.rejects(
      store.write(() => Promise.resolve()),
      closed,
    );
    await assert.rejects(
      store.runExclusively(() => Promise.resolve()),
      closed,
    );
  });

  it('rejects a write and a change of the schema inside a write', async () => {
    const store = await open('nested.db');
    await assert.rejects(
      store.write(() => store.runExclusively(() => Promise.resolve())),
      /write inside a write/,
    );
    await assert.rejects(
      store.write(() => store.write(() => Promise.resolve())),
      /write inside a write/,
    );
    await store.close();
  });
});

describe('chunks of a list', () => {
  it('hold 1,000 values each, in order', () => {
    const list = Array.from({ length: 2_001 }, (_, i) => i);
    assert.deepEqual(chunksOf(list), [list.slice(0, 1_000), list.slice(1_000, 2_000), [2_000]]);
    assert.deepEqual(chunksOf([]), []);
  });
});

describe('errors of the database', () => {
  const query = (cause: Error): DrizzleQueryError =>
    new DrizzleQueryError(`insert into t values ($1) ${'x'.repeat(600)}`, ['daming@parents.example'], cause);
  const withCode = (code: unknown, message = 'the reason'): Error => Object.assign(new Error(message), { code });

  it('have the code of the engine', () => {
    assert.equal(codeOf(withCode('40001')), '40001');
    assert.equal(codeOf(query(withCode('SQLITE_BUSY'))), 'SQLITE_BUSY');
    for (const error of [undefined, null, 'text', {}, new Error('none'), withCode(5)]) {
      assert.equal(codeOf(error), undefined);
    }
    assert.equal(new StoreError('away', '08006').code, '08006');
    assert.deepEqual(
      [new ConflictError('identifier').field, new ConflictError('x').name],
      ['identifier', 'ConflictError'],
    );
    assert.equal(new StoreError('x').name, 'StoreError');
  });

  it('contain the reason and the statement but no values', () => {
    const cleaned = withoutValues(query(withCode('23505', 'duplicate key')));
    assert.ok(cleaned instanceof StoreError);
    assert.equal(cleaned.code, '23505');
    assert.equal(
      cleaned.message,
      `duplicate key; statement: ${`insert into t values ($1) ${'x'.repeat(600)}`.slice(0, 500)}`,
    );
    const quoting = withoutValues(query(withCode('22P02', 'invalid input: "daming@parents.example"')));
    assert.ok(quoting instanceof StoreError);
    assert.match(quoting.message, /^22P02; statement: insert/);
    const unknown = withoutValues(new DrizzleQueryError('select 1', []));
    assert.ok(unknown instanceof StoreError);
    assert.equal(unknown.message, 'unknown; statement: select 1');
    const other = new Error('another');
    assert.equal(withoutValues(other), other);
  });

  it('get one code when the connection was lost, and only then', () => {
    const lost = (error: unknown, code = CONNECTION_LOST): void => {
      assert.throws(
        () => throwConnectionError(code)(error),
        (thrown) => thrown instanceof StoreError && thrown.code === code,
      );
    };
    for (const code of ['57P01', '57P02', '57P03', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']) lost(withCode(code));
    lost(new Error('Connection terminated unexpectedly'));
    lost(new Error('Client has encountered a connection error and is not queryable'), COMMIT_OUTCOME_UNKNOWN);
    const stale = (code: string, routine: string): pg.DatabaseError =>
      Object.assign(new pg.DatabaseError('x', 1, 'error'), { code, routine });
    lost(stale('0A000', 'RevalidateCachedQuery'));
    for (const error of [
      stale('0A000', 'Another'),
      stale('23505', 'RevalidateCachedQuery'),
      Object.assign(new Error('x'), { code: '0A000', routine: 'RevalidateCachedQuery' }),
      withCode('57P04'),
      new Error('the Connection terminated'),
      undefined,
    ]) {
      assert.throws(
        () => throwConnectionError(CONNECTION_LOST)(error),
        (thrown) => thrown === error,
      );
    }
    assert.deepEqual([CONNECTION_LOST, COMMIT_OUTCOME_UNKNOWN], ['08006', '08007']);
  });
});
