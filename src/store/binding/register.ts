import { count, eq } from 'drizzle-orm';
import { insertMany } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type RegisterRow = Tables['registerEntries']['$inferSelect'];

/** Lists the guardians of a student in the register. */
export function listRegisterEntries(tx: Transaction, studentLookup: string): Promise<RegisterRow[]> {
  const { registerEntries } = tx.tables;
  return tx.db.select().from(registerEntries).where(eq(registerEntries.studentLookup, studentLookup));
}

export async function countRegisterEntries(tx: Transaction): Promise<number> {
  const [row] = await tx.db.select({ total: count() }).from(tx.tables.registerEntries);
  return row?.total ?? 0;
}

/** Returns when the register was imported, ms since 1970. All rows have one time. */
export async function findRegisterImport(tx: Transaction): Promise<number | undefined> {
  const { registerEntries } = tx.tables;
  const [row] = await tx.db.select({ importedAt: registerEntries.importedAt }).from(registerEntries).limit(1);
  return row?.importedAt;
}

/** Replaces the whole register. */
export async function replaceRegister(tx: Transaction, rows: readonly RegisterRow[]): Promise<void> {
  const { registerEntries } = tx.tables;
  // SQLite removes all rows of a table without a condition in one step.
  await tx.db.delete(registerEntries);
  await insertMany(tx, registerEntries, rows);
}
