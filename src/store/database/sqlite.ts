import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf, StoreError } from './errors.ts';
import { openReader, openWriter, sqliteEngine, type SqliteConnection } from './sqlite-connection.ts';
import { createGroupCommit } from './sqlite-commit.ts';
import { createNesting, runScoped, scopeUnit, type Store, type StoreLog } from './unit.ts';

/** How long a write waits for another process that writes the same file, and how often it looks. In milliseconds. */
const BUSY_LIMIT = 15_000;
const LOOK = 20;

/** SQLite in one file: one writer with group commit, and a second connection that only reads. */
export function openSqlite(file: string, log: StoreLog | undefined): Store {
  const writer = openWriter(file);
  const reader = openReader(file);
  const nesting = createNesting();
  const commits = createGroupCommit({ writer, begin: () => begin(writer), nesting, log });
  return {
    dialect: 'sqlite',
    read: (fn) => runScoped(scopeUnit(reader.execute, sqliteEngine), fn),
    write: async (fn) => {
      nesting.refuse();
      return commits.write(fn);
    },
    maintain: async (fn) => {
      nesting.refuse();
      return commits.alone(() => maintain(writer, fn));
    },
    ping: async () => {
      await reader.execute('select 1', []);
    },
    close: async () => {
      await commits.close();
      reader.close();
      writer.close();
    },
  };
}

/** `BEGIN IMMEDIATE` takes the write lock at once: a lock taken later can fail half-way through a unit. */
async function begin(writer: SqliteConnection): Promise<void> {
  const limit = performance.now() + BUSY_LIMIT;
  for (;;) {
    try {
      writer.run('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (codeOf(error)?.startsWith('SQLITE_BUSY') !== true || performance.now() > limit) throw error;
    }
    await sleep(LOOK);
  }
}

/** Rebuilding a table needs foreign keys off, and that works outside of a transaction only (sqlite.org/lang_altertable.html). */
async function maintain<T>(
  writer: SqliteConnection,
  fn: (run: (statement: string) => Promise<unknown[][]>) => Promise<T>,
): Promise<T> {
  writer.run('PRAGMA foreign_keys = OFF');
  try {
    await begin(writer);
    const value = await fn((statement) => writer.execute(statement, []));
    const broken = writer.run('PRAGMA foreign_key_check');
    if (broken.length > 0) throw new StoreError(`foreign keys broken in ${String(broken.length)} rows`);
    writer.run('COMMIT');
    return value;
  } catch (error) {
    if (writer.inTransaction()) writer.run('ROLLBACK');
    throw error;
  } finally {
    writer.run('PRAGMA foreign_keys = ON');
  }
}
