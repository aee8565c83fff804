import { getTableColumns, sql, type SQL, type SQLWrapper } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

import type { Transaction } from './index.ts';

/** SQLite takes 32,766 values in a statement (sqlite.org/limits.html), PostgreSQL 65,535. Longer ones are not faster. */
const MAX_VALUES = 10_000;

/** Values in a list that one statement compares with: far below what both engines take, and longer lists are not faster. */
const CHUNK_LENGTH = 1_000;

/** Cuts a list into parts that fit into one statement each. */
export function chunksOf<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / CHUNK_LENGTH) }, (_, i) =>
    list.slice(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH),
  );
}

/**
 * The keys that a purge job deletes, as a list for `inArray`. PostgreSQL locks the rows in the order of the query and leaves out those that
 * another transaction has locked, so the job waits for nobody and deadlocks with nobody; it finds them again at its next run.
 *
 * @param keys a query of one column
 */
export function unlockedRows(tx: Transaction, keys: SQLWrapper): SQL {
  return sql`(${keys.getSQL()} ${sql.raw(tx.dialect === 'postgres' ? 'for update skip locked' : '')})`;
}

/** Inserts any number of rows in as few statements as both engines bear. For the generator and the roster import. */
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
