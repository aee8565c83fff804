import { and, asc, eq, lt, lte, sql, type SQL } from 'drizzle-orm';
import { insertMany } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type RegisterRow = Tables['registerEntries']['$inferSelect'];
export type RegisterImport = Tables['registerImports']['$inferSelect'];

/** Lists the guardians of a student in the register, in one statement: another import may replace it between two. */
export function listRegisterEntries(tx: Transaction, studentLookup: string): Promise<RegisterRow[]> {
  const { registerEntries, registerImports } = tx.tables;
  const current = tx.db
    .select({ id: registerImports.id })
    .from(registerImports)
    .where(eq(registerImports.state, 'current'));
  return tx.db
    .select()
    .from(registerEntries)
    .where(
      and(eq(registerEntries.importId, sql`(${current.getSQL()})`), eq(registerEntries.studentLookup, studentLookup)),
    );
}

/** Finds the import whose entries are the register. */
export async function findCurrentImport(tx: Transaction): Promise<RegisterImport | undefined> {
  const { registerImports } = tx.tables;
  const [row] = await tx.db.select().from(registerImports).where(eq(registerImports.state, 'current'));
  return row;
}

/** Locks the register against another import until the transaction ends. SQLite has one writer. */
export async function lockRegister(tx: Transaction): Promise<void> {
  const isCurrent = eq(tx.tables.registerImports.state, 'current');
  // An import that ends during the wait leaves nothing to lock. The second statement sees its entries.
  if ((await lockImport(tx, isCurrent, 'for share')) === undefined) await lockImport(tx, isCurrent, 'for share');
}

/** Locks an import that adds entries. @returns false if another import has stopped it */
export async function lockRunningImport(tx: Transaction, id: string): Promise<boolean> {
  const { registerImports: table } = tx.tables;
  const isRunning = and(eq(table.id, id), eq(table.state, 'running'));
  return (await lockImport(tx, isRunning, 'for share')) !== undefined;
}

type RowLock = 'for share' | 'for update skip locked';

/** Finds an import and locks it until the transaction ends. */
async function lockImport(tx: Transaction, condition: SQL | undefined, lock: RowLock): Promise<string | undefined> {
  const { registerImports } = tx.tables;
  const [row] = await tx.db
    .select({ id: registerImports.id })
    .from(registerImports)
    .where(sql`${condition} limit 1 ${sql.raw(tx.dialect === 'postgres' ? lock : '')}`);
  return row?.id;
}

/** Starts an import, and stops one that is running or was killed. */
export async function startImport(tx: Transaction, row: Pick<RegisterImport, 'id' | 'startedAt'>): Promise<void> {
  const { registerImports: table } = tx.tables;
  await tx.db.update(table).set({ state: 'obsolete' }).where(eq(table.state, 'running'));
  await tx.db.insert(table).values({ ...row, state: 'running' });
}

export async function insertEntries(tx: Transaction, rows: readonly RegisterRow[]): Promise<void> {
  await insertMany(tx, tx.tables.registerEntries, rows);
}

/** Makes the entries of a running import the register. @returns false if another import has stopped it */
export async function finishImport(
  tx: Transaction,
  { id, ...counted }: Pick<RegisterImport, 'id' | 'entryCount' | 'finishedAt'>,
): Promise<boolean> {
  const { registerImports: table } = tx.tables;
  await tx.db.update(table).set({ state: 'obsolete' }).where(eq(table.state, 'current'));
  const rows = await tx.db
    .update(table)
    .set({ ...counted, state: 'current' })
    .where(and(eq(table.id, id), eq(table.state, 'running')))
    .returning({ id: table.id });
  return rows.length > 0;
}

/** Stops an import that has not finished. */
export async function stopImport(tx: Transaction, id: string): Promise<void> {
  const { registerImports: table } = tx.tables;
  await tx.db
    .update(table)
    .set({ state: 'obsolete' })
    .where(and(eq(table.id, id), eq(table.state, 'running')));
}

/** Stops an import that started before `before` (ms): its process was killed. */
export async function stopOldImports(tx: Transaction, before: number): Promise<void> {
  const { registerImports: table } = tx.tables;
  await tx.db
    .update(table)
    .set({ state: 'obsolete' })
    .where(and(eq(table.state, 'running'), lt(table.startedAt, before)));
}

/**
 * Deletes about `limit` entries of a replaced or stopped import, and the import after its last entry. Skips an import whose entries
 * another transaction deletes.
 *
 * @returns false if nothing is left to delete
 */
export async function purgeObsoleteEntries(tx: Transaction, limit: number): Promise<boolean> {
  const { registerImports, registerEntries: table } = tx.tables;
  const id = await lockImport(tx, eq(registerImports.state, 'obsolete'), 'for update skip locked');
  if (id === undefined) return false;
  const isOfImport = eq(table.importId, id);
  const [last] = await tx.db
    .select({ studentLookup: table.studentLookup })
    .from(table)
    .where(isOfImport)
    .orderBy(asc(table.studentLookup))
    .limit(1)
    .offset(limit);
  if (last === undefined) {
    await tx.db.delete(table).where(isOfImport);
    await tx.db.delete(registerImports).where(eq(registerImports.id, id));
  } else {
    await tx.db.delete(table).where(and(isOfImport, lte(table.studentLookup, last.studentLookup)));
  }
  return true;
}
