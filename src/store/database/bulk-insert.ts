import { getTableColumns, sql, type SQL, type SQLWrapper } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

import type { Transaction } from './index.ts';

/** Maximum number of values in a statement. SQLite allows 32,766 (sqlite.org/limits.html), PostgreSQL 65,535; more are not faster. */
const MAX_VALUES = 10_000;

/** Number of values that one statement compares with, far below the limits of both engines. Longer lists are not faster. */
const CHUNK_LENGTH = 1_000;

/** Splits a list into parts that each fit into one statement. */
export function chunksOf<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / CHUNK_LENGTH) }, (_, i) =>
    list.slice(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH),
  );
}

/**
 * Returns the keys that a purge job deletes, as a list for `inArray`. PostgreSQL locks the rows in the order of the query and skips rows
 * that another transaction has locked. So the job neither waits nor deadlocks, and finds those rows at its next run.
 *
 * @param keys a query of one column
 */
export function unlockedRows(tx: Transaction, keys: SQLWrapper): SQL {
  return sql`(${keys.getSQL()} ${sql.raw(tx.dialect === 'postgres' ? 'for update skip locked' : '')})`;
}

/** Inserts any number of rows with few statements. For the generator and the roster import. */
export async function insertMany<T extends SQLiteTable>(
  tx: Transaction,
  table: T,
  rows: readonly T['$inferInsert'][],
): Promise<void> {
  const size = Math.floor(MAX_VALUES / Object.keys(getTableColumns(table)).length);
  for (let i = 0; i < rows.length; i += size) {
    await tx.db.insert(table).values(rows.slice(i, i + size));
  }
}
