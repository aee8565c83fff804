import { getTableColumns } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

import type { Unit } from './database/index.ts';

/** SQLite takes 32,766 values in a statement (sqlite.org/limits.html), PostgreSQL 65,535. Longer ones are not faster. */
const MOST_VALUES = 10_000;

/** Inserts any number of rows in as few statements as both engines bear. For the generator and the roster import. */
export async function insertMany<T extends SQLiteTable>(
  u: Unit,
  table: T,
  rows: readonly T['$inferInsert'][],
): Promise<void> {
  const size = Math.floor(MOST_VALUES / Object.keys(getTableColumns(table)).length);
  for (let i = 0; i < rows.length; i += size) {
    await u.db.insert(table).values(rows.slice(i, i + size));
  }
}
