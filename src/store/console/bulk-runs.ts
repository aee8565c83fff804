import { and, asc, eq, inArray, isNotNull, isNull, lt, lte } from 'drizzle-orm';
import { insertMany } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type BulkRun = Tables['bulkRuns']['$inferSelect'];
export type BulkRow = Tables['bulkRows']['$inferSelect'];

export async function insertBulkRun(
  tx: Transaction,
  run: Omit<BulkRun, 'reason' | 'startedAt' | 'finishedAt' | 'printedAt'>,
  rows: readonly Pick<BulkRow, 'position' | 'personId' | 'staffVersion' | 'state' | 'problem'>[],
): Promise<void> {
  // Only runs of nodes of an older version have a plain reason, and no sealed one.
  await tx.db.insert(tx.tables.bulkRuns).values({ ...run, reason: '' });
  const list = rows.map((row) => ({ ...row, runId: run.id }));
  await insertMany(tx, tx.tables.bulkRows, list);
}

export async function findBulkRun(tx: Transaction, id: string): Promise<BulkRun | undefined> {
  const { bulkRuns } = tx.tables;
  const [run] = await tx.db.select().from(bulkRuns).where(eq(bulkRuns.id, id));
  return run;
}

/** Lists the rows of a run with the names of the people. */
export function listBulkRows(tx: Transaction, runId: string): Promise<{ row: BulkRow; name: string }[]> {
  const { bulkRows, persons } = tx.tables;
  return tx.db
    .select({ row: bulkRows, name: persons.name })
    .from(bulkRows)
    .innerJoin(persons, eq(persons.id, bulkRows.personId))
    .where(eq(bulkRows.runId, runId))
    .orderBy(asc(bulkRows.position));
}

/** Starts a run once. @returns false if it was started already */
export async function startBulkRun(tx: Transaction, id: string, now: number): Promise<boolean> {
  const { bulkRuns } = tx.tables;
  const rows = await tx.db
    .update(bulkRuns)
    .set({ startedAt: now, leasedUntil: now })
    .where(and(eq(bulkRuns.id, id), isNull(bulkRuns.startedAt)))
    .returning({ id: bulkRuns.id });
  return rows.length > 0;
}

function isDue({ tables: { bulkRuns } }: Transaction, now: number) {
  return and(isNull(bulkRuns.finishedAt), isNotNull(bulkRuns.startedAt), lte(bulkRuns.leasedUntil, now));
}

/** Finds the next run on which no node works. */
export async function findDueRun(tx: Transaction, now: number): Promise<string | undefined> {
  const { bulkRuns } = tx.tables;
  const [next] = await tx.db
    .select({ id: bulkRuns.id })
    .from(bulkRuns)
    .where(isDue(tx, now))
    .orderBy(asc(bulkRuns.leasedUntil))
    .limit(1);
  return next?.id;
}

/** Leases a run. @returns undefined if another node was faster */
export async function leaseBulkRun(
  tx: Transaction,
  id: string,
  now: number,
  leasedUntil: number,
): Promise<BulkRun | undefined> {
  const { bulkRuns } = tx.tables;
  const [run] = await tx.db
    .update(bulkRuns)
    .set({ leasedUntil })
    .where(and(eq(bulkRuns.id, id), isDue(tx, now)))
    .returning();
  return run;
}

/** Lists the next pending rows of a run. */
export function listPendingRows(tx: Transaction, runId: string, limit: number): Promise<BulkRow[]> {
  const { bulkRows } = tx.tables;
  return tx.db
    .select()
    .from(bulkRows)
    .where(and(eq(bulkRows.runId, runId), eq(bulkRows.state, 'pending')))
    .orderBy(asc(bulkRows.position))
    .limit(limit);
}

/** Takes a row to work on; a second node waits for the first and finds it done. @returns false if it is no longer pending */
export async function completeBulkRow(
  tx: Transaction,
  { runId, position }: Pick<BulkRow, 'runId' | 'position'>,
  change: Partial<Pick<BulkRow, 'state' | 'problem' | 'codeSealed' | 'codeExpiresAt' | 'doneAt'>>,
): Promise<boolean> {
  const { bulkRows } = tx.tables;
  const rows = await tx.db
    .update(bulkRows)
    .set(change)
    .where(and(eq(bulkRows.runId, runId), eq(bulkRows.position, position), eq(bulkRows.state, 'pending')))
    .returning({ position: bulkRows.position });
  return rows.length > 0;
}

/** Sets the outcome of a row in the transaction that took it. */
export async function updateBulkRow(
  tx: Transaction,
  { runId, position }: Pick<BulkRow, 'runId' | 'position'>,
  outcome: Partial<Pick<BulkRow, 'state' | 'problem'>>,
): Promise<void> {
  const { bulkRows } = tx.tables;
  await tx.db
    .update(bulkRows)
    .set(outcome)
    .where(and(eq(bulkRows.runId, runId), eq(bulkRows.position, position)));
}

/** Stores the sealed code of a row that is done in the same transaction. */
export async function storeRowCode(
  tx: Transaction,
  { runId, position }: Pick<BulkRow, 'runId' | 'position'>,
  code: Pick<BulkRow, 'codeSealed' | 'codeExpiresAt'>,
): Promise<void> {
  const { bulkRows } = tx.tables;
  await tx.db
    .update(bulkRows)
    .set(code)
    .where(and(eq(bulkRows.runId, runId), eq(bulkRows.position, position)));
}

export async function renewBulkLease(tx: Transaction, id: string, leasedUntil: number): Promise<void> {
  const { bulkRuns } = tx.tables;
  await tx.db.update(bulkRuns).set({ leasedUntil }).where(eq(bulkRuns.id, id));
}

export async function finishBulkRun(tx: Transaction, id: string, now: number): Promise<void> {
  const { bulkRuns } = tx.tables;
  await tx.db
    .update(bulkRuns)
    .set({ finishedAt: now, reason: '' })
    .where(and(eq(bulkRuns.id, id), isNull(bulkRuns.finishedAt)));
}

/** Marks the codes of a run as printed once. @returns false if they were printed already */
export async function markPrinted(tx: Transaction, id: string, now: number): Promise<boolean> {
  const { bulkRuns } = tx.tables;
  const rows = await tx.db
    .update(bulkRuns)
    .set({ printedAt: now })
    .where(and(eq(bulkRuns.id, id), isNull(bulkRuns.printedAt)))
    .returning({ id: bulkRuns.id });
  return rows.length > 0;
}

export async function eraseCodesOf(tx: Transaction, runId: string): Promise<void> {
  const { bulkRows } = tx.tables;
  await tx.db.update(bulkRows).set({ codeSealed: null }).where(eq(bulkRows.runId, runId));
}

/** Erases the codes of rows that were done before `before` (ms). */
export async function eraseOldCodes(tx: Transaction, before: number): Promise<void> {
  const { bulkRows } = tx.tables;
  await tx.db
    .update(bulkRows)
    .set({ codeSealed: null })
    .where(and(isNotNull(bulkRows.codeSealed), lte(bulkRows.doneAt, before)));
}

/** Deletes up to `limit` runs that were created before `before` (ms), with their rows. @returns their number */
export async function purgeBulkRuns(tx: Transaction, before: number, limit: number): Promise<number> {
  const { bulkRuns } = tx.tables;
  const old = tx.db.select({ id: bulkRuns.id }).from(bulkRuns).where(lt(bulkRuns.createdAt, before)).limit(limit);
  const rows = await tx.db.delete(bulkRuns).where(inArray(bulkRuns.id, old)).returning({ id: bulkRuns.id });
  return rows.length;
}
