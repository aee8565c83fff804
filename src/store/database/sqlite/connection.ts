import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/sqlite-proxy';

import { createPrivateFolder } from '../../../config/private-folder.ts';
import { sqliteTables } from '../../schema/sqlite.ts';
import type { Engine, Execute } from '../transaction.ts';

/** Limits of the statement cache. The repositories have fewer statements; bulk statements are too long to cache. */
const MAX_CACHED_STATEMENTS = 500;
const MAX_CACHED_STATEMENT_LENGTH = 4_000;
/** Milliseconds that SQLite blocks the process to wait for another writer. `begin` then polls without blocking. */
const WRITER_TIMEOUT_MS = 20;
/**
 * Pages of 4 KiB in the write-ahead log before a checkpoint: 16 MiB. A checkpoint waits for the disk twice and writes each changed page
 * once. With SQLite's default of 1,000 pages there were five checkpoints a second under load.
 */
const CHECKPOINT_PAGES = 4_000;
/** Milliseconds that a reader waits. It waits only while another process recovers the log after a crash. */
const READER_TIMEOUT_MS = 1_000;
/** Page cache of the writer, which reads little. Loading a city takes as long as with the default of 16,000 KiB. */
const WRITER_CACHE_KIB = 4_000;
/**
 * Page cache of the reader. The search of the console reads up to 5,000 pages of a school of 2,300 people in a city of 1,000,000. With the
 * default of 16,000 KiB each search read them again.
 */
const READER_CACHE_KIB = 32_000;

export interface SqliteConnection {
  execute: Execute;
  /** For statements without values: BEGIN, PRAGMA, DDL. */
  run(statement: string): unknown[][];
  isInTransaction(): boolean;
  close(): void;
}

/** Opens the only writing connection. Creates the folder and the file with access for this user only. */
export function openWriter(file: string): SqliteConnection {
  createPrivateFolder(dirname(file));
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { timeout: WRITER_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  // NORMAL may lose the last commits in a power cut (sqlite.org/pragma.html#pragma_synchronous), after their responses were sent.
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma(`wal_autocheckpoint = ${String(CHECKPOINT_PAGES)}`);
  // Keeps the rollback data of savepoints in memory. A file would slow each transaction and fail when no file can be opened.
  database.pragma('temp_store = MEMORY');
  database.pragma(`cache_size = -${String(WRITER_CACHE_KIB)}`);
  return wrap(database);
}

/** Opens a read-only connection. It never waits for the writer (WAL). */
export function openReader(file: string): SqliteConnection {
  const database = new Database(file, { readonly: true, timeout: READER_TIMEOUT_MS });
  database.pragma('query_only = ON');
  database.pragma(`cache_size = -${String(READER_CACHE_KIB)}`);
  return wrap(database);
}

/**
 * Turns parameters of comparisons into expressions, so that SQLite keeps the plan of a statement. SQLite plans again when the value of a
 * plain parameter changes (sqlite.org/c3ref/prepare.html). Planning takes ten times as long as finding a row by its key. better-sqlite3
 * does not offer the setting that prevents it (SQLITE_DBCONFIG_ENABLE_QPSG).
 */
function keepPlan(text: string): string {
  return text.replaceAll(/ (=|<>|<|>|<=|>=) \?/g, ' $1 +?');
}

function wrap(database: Database.Database): SqliteConnection {
  const cache = new Map<string, Database.Statement<unknown[], unknown[]>>();
  const prepare = (text: string): Database.Statement<unknown[], unknown[]> => {
    const cached = cache.get(text);
    if (cached) return cached;
    const statement = database.prepare<unknown[], unknown[]>(keepPlan(text));
    if (statement.reader) statement.raw();
    if (text.length <= MAX_CACHED_STATEMENT_LENGTH) {
      if (cache.size >= MAX_CACHED_STATEMENTS) cache.clear();
      cache.set(text, statement);
    }
    return statement;
  };
  const run = (statement: Database.Statement<unknown[], unknown[]>, values: unknown[]): unknown[][] => {
    if (statement.reader) return statement.all(values);
    statement.run(values);
    return [];
  };
  return {
    execute: (text, values) => Promise.resolve(run(prepare(text), values)),
    run: (text) => run(prepare(text), []),
    isInTransaction: () => database.inTransaction,
    close: () => {
      database.close();
    },
  };
}

export const sqliteEngine: Engine = {
  dialect: 'sqlite',
  tables: sqliteTables,
  /** Uses drizzle's proxy driver, because its better-sqlite3 driver has no asynchronous transactions. */
  queries: (execute) => drizzle(async (statement, values) => ({ rows: await execute(statement, values) })),
};
