import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf, StoreError } from '../errors.ts';
import {
  createNestedWriteGuard,
  runInScope,
  createTransactionScope,
  type Store,
  type StoreLog,
} from '../transaction.ts';
import { whileReporting } from '../lock-wait.ts';
import { openReader, openWriter, sqliteEngine, type SqliteConnection } from './connection.ts';
import { GroupCommitQueue } from './group-commit.ts';

/** Maximum wait for another process that writes the same file, and the time between two attempts. */
const BUSY_TIMEOUT_MS = 15_000;
const BUSY_POLL_MS = 20;

/** Opens SQLite with one writer, which groups commits, and one read-only connection. */
export function openSqlite(file: string, log: StoreLog | undefined): Store {
  const writer = openWriter(file);
  const reader = openReader(file);
  const nestedWrites = createNestedWriteGuard();
  const commits = new GroupCommitQueue({ writer, begin: () => begin(writer), nestedWrites, log });
  return {
    dialect: 'sqlite',
    poolUse: () => [],
    read: (fn) => runInScope(createTransactionScope(reader.execute, sqliteEngine), fn),
    write: async (fn) => {
      nestedWrites.assertNotNested();
      return commits.write(fn);
    },
    runExclusively: async (fn) => {
      nestedWrites.assertNotNested();
      return commits.runExclusively(() => runExclusively(writer, fn, log));
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

/** Begins with `BEGIN IMMEDIATE`, which takes the write lock at once. A lock taken later can fail in the middle of a transaction. */
async function begin(writer: SqliteConnection): Promise<void> {
  const end = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      writer.run('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (codeOf(error)?.startsWith('SQLITE_BUSY') !== true || performance.now() > end) throw error;
    }
    await sleep(BUSY_POLL_MS);
  }
}

/** Turns foreign keys off, which rebuilding a table requires and only works outside of a transaction (sqlite.org/lang_altertable.html). */
async function runExclusively<T>(
  writer: SqliteConnection,
  fn: (run: (statement: string) => Promise<unknown[][]>) => Promise<T>,
  log: StoreLog | undefined,
): Promise<T> {
  writer.run('PRAGMA foreign_keys = OFF');
  try {
    await whileReporting(log, begin(writer));
    const value = await fn((statement) => writer.execute(statement, []));
    const broken = writer.run('PRAGMA foreign_key_check');
    if (broken.length > 0) throw new StoreError(`foreign keys broken in ${String(broken.length)} rows`);
    writer.run('COMMIT');
    return value;
  } catch (error) {
    if (writer.isInTransaction()) writer.run('ROLLBACK');
    throw error;
  } finally {
    writer.run('PRAGMA foreign_keys = ON');
  }
}
