import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/sqlite-proxy';

import { createPrivateFolder } from '../../../config/private-folder.ts';
import { sqliteTables } from '../../schema/sqlite.ts';
import type { Engine, Execute } from '../transaction.ts';

/** More texts than the repositories have; bulk statements are too long to be worth keeping. */
const MAX_CACHED_STATEMENTS = 500;
const MAX_CACHED_STATEMENT_LENGTH = 4_000;
/** Milliseconds that the engine itself waits, with the whole process, for another process; `begin` waits on politely. */
const WRITER_TIMEOUT_MS = 20;
/**
 * Pages of the log (4 KiB each) before they are moved into the file, so 16 MiB: every move is two waits for the disk and writes each
 * page once, however often it was changed; with SQLite's thousand there were five moves a second in a rush.
 */
const CHECKPOINT_PAGES = 4_000;
/** A reader waits only while another process repairs the log after a crash. */
const READER_TIMEOUT_MS = 1_000;

export interface SqliteConnection {
  execute: Execute;
  /** For statements without values: BEGIN, PRAGMA, DDL. */
  run(statement: string): unknown[][];
  inTransaction(): boolean;
  close(): void;
}

/** Opens the one writing connection; makes the folder and the file, readable by this user only. */
export function openWriter(file: string): SqliteConnection {
  createPrivateFolder(dirname(file));
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { timeout: WRITER_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  // NORMAL may lose the last commits in a power cut (sqlite.org/pragma.html#pragma_synchronous); an answer was given on them.
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma(`wal_autocheckpoint = ${String(CHECKPOINT_PAGES)}`);
  // What a savepoint may have to take back lies in memory: as a file it costs each unit, and fails where no file can be opened any more.
  database.pragma('temp_store = MEMORY');
  return wrap(database);
}

/** Opens a connection that can only read; it never waits for the writer (WAL). */
export function openReader(file: string): SqliteConnection {
  const database = new Database(file, { readonly: true, timeout: READER_TIMEOUT_MS });
  database.pragma('query_only = ON');
  return wrap(database);
}

/**
 * SQLite plans a statement anew whenever the value of a plain parameter in a comparison changes, because another plan could be
 * better for it (sqlite.org/c3ref/prepare.html). That takes ten times as long as finding a row by its key, so the parameter is
 * put inside an expression. The switch for it, SQLITE_DBCONFIG_ENABLE_QPSG, is not one that better-sqlite3 has.
 */
function cacheStatements(text: string): string {
  return text.replaceAll(/ (=|<>|<|>|<=|>=) \?/g, ' $1 +?');
}

function wrap(database: Database.Database): SqliteConnection {
  const kept = new Map<string, Database.Statement<unknown[], unknown[]>>();
  const prepare = (text: string): Database.Statement<unknown[], unknown[]> => {
    const known = kept.get(text);
    if (known) return known;
    const statement = database.prepare<unknown[], unknown[]>(cacheStatements(text));
    if (statement.reader) statement.raw();
    if (text.length <= MAX_CACHED_STATEMENT_LENGTH) {
      if (kept.size >= MAX_CACHED_STATEMENTS) kept.clear();
      kept.set(text, statement);
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
    inTransaction: () => database.inTransaction,
    close: () => {
      database.close();
    },
  };
}

export const sqliteEngine: Engine = {
  dialect: 'sqlite',
  tables: sqliteTables,
  /** Drizzle's own better-sqlite3 driver knows no asynchronous unit; its proxy driver asks us for each statement. */
  queries: (execute) => drizzle(async (statement, values) => ({ rows: await execute(statement, values) })),
};
