/** The statements that a SQLite connection keeps, and statements that must run in the transaction of their caller. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';

import Database from 'better-sqlite3';

import { StoreError } from '../../src/store/database/errors.ts';
import { openStore, preparedStatement, type Store } from '../../src/store/database/index.ts';
import { openWriter, type SqliteConnection } from '../../src/store/database/sqlite/connection.ts';
import type { Engine, Execute } from '../../src/store/database/transaction.ts';

const MAX_STATEMENTS = 500;
const MAX_LENGTH = 4_000;
const folder = mkdtempSync(join(tmpdir(), 'kinpass-statements-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the statement cache of SQLite', () => {
  const prepare = mock.method(Database.prototype, 'prepare');
  let connection: SqliteConnection;
  before(() => {
    connection = openWriter(join(folder, 'cache.db'));
  });
  after(() => {
    connection.close();
    prepare.mock.restore();
  });
  /** Runs the statements. @returns how many of them were prepared */
  const preparedBy = async (...texts: string[]): Promise<number> => {
    const before = prepare.mock.callCount();
    for (const text of texts) await connection.execute(text, []);
    return prepare.mock.callCount() - before;
  };
  const select = (value: number): string => `select ${String(value)}`;

  it('prepares a statement once', async () => {
    assert.equal(await preparedBy(select(1), select(1), select(2), select(1)), 2);
  });

  it('is emptied at its limit, so statements with different texts do not fill the memory', async () => {
    connection.close();
    connection = openWriter(join(folder, 'limit.db'));
    const all = Array.from({ length: MAX_STATEMENTS }, (_, at) => select(at));
    assert.equal(await preparedBy(...all), MAX_STATEMENTS);
    assert.equal(await preparedBy(...all), 0, 'at the limit');
    assert.equal(await preparedBy(select(MAX_STATEMENTS)), 1);
    assert.equal(await preparedBy(select(MAX_STATEMENTS)), 0);
    assert.equal(await preparedBy(...all.slice(0, 10)), 10, 'beyond the limit');
  });

  it('does not keep long statements', async () => {
    const comment = (length: number): string => `select 1 -- ${'x'.repeat(length - 'select 1 -- '.length)}`;
    assert.equal(await preparedBy(comment(MAX_LENGTH), comment(MAX_LENGTH)), 1);
    assert.equal(await preparedBy(comment(MAX_LENGTH + 1), comment(MAX_LENGTH + 1)), 2);
  });
});

describe('a prepared statement', () => {
  let store: Store;
  before(async () => {
    store = await openStore({ file: join(folder, 'deferred.db') });
  });
  after(() => store.close());

  it('is rejected if drizzle runs it after the call, when another transaction may be active', async () => {
    const texts: string[] = [];
    const count = preparedStatement(({ db, tables }) => db.select({ id: tables.persons.id }).from(tables.persons));
    await store.read(async (tx) => {
      const queries: Engine['queries'] = (execute) =>
        tx.engine.queries(async (text, values, name) => {
          await Promise.resolve();
          return execute(text, values, name);
        });
      const execute: Execute = (text) => {
        texts.push(text);
        return Promise.resolve([]);
      };
      const rejected = count({ ...tx, engine: { ...tx.engine, queries }, execute }, {});
      await assert.rejects(rejected, { cause: new StoreError('drizzle ran a prepared statement outside of a call') });
    });
    assert.deepEqual(texts, [], 'not sent to the transaction');
  });

  it('is rejected if drizzle answers without running it', async () => {
    const skipped = preparedStatement(() => ({ prepare: () => ({ execute: () => Promise.resolve([]) }) }));
    await assert.rejects(
      store.read((tx) => skipped(tx, {})),
      /did not run a prepared statement synchronously/,
    );
  });
});
