import { and, desc, eq, inArray, isNotNull, sql } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';
import type { OutboxRow } from '../outbox.ts';

/** The place of a job in the list: the newest first. */
export interface DeadLetterCursor {
  deadAt: number;
  id: string;
}

/** Lists jobs that were given up, the newest first, after `after`. */
export async function listDeadJobs(
  tx: Transaction,
  after: DeadLetterCursor | undefined,
  limit: number,
): Promise<OutboxRow[]> {
  const outbox = tx.tables.outbox;
  return tx.db
    .select()
    .from(outbox)
    .where(
      and(isNotNull(outbox.deadAt), after && sql`(${outbox.deadAt}, ${outbox.id}) < (${after.deadAt}, ${after.id})`),
    )
    .orderBy(desc(outbox.deadAt), desc(outbox.id))
    .limit(limit);
}

/** @returns undefined if the job is not dead */
export async function findDeadJob(tx: Transaction, id: string): Promise<OutboxRow | undefined> {
  const outbox = tx.tables.outbox;
  return (
    await tx.db
      .select()
      .from(outbox)
      .where(and(eq(outbox.id, id), isNotNull(outbox.deadAt)))
  )[0];
}

/** Makes dead jobs due at `now` (ms), with all their attempts. @returns the number of jobs that were dead */
export async function reviveDeadJobs(tx: Transaction, ids: readonly string[], now: number): Promise<number> {
  const outbox = tx.tables.outbox;
  const rows = await tx.db
    .update(outbox)
    .set({ deadAt: null, attempts: 0, nextAt: now, leasedUntil: null })
    .where(and(inArray(outbox.id, [...ids]), isNotNull(outbox.deadAt)))
    .returning({ id: outbox.id });
  return rows.length;
}

/** Lists the ids of up to `limit` dead jobs, and locks them against a concurrent call. */
export async function lockDeadJobs(tx: Transaction, limit: number): Promise<string[]> {
  const outbox = tx.tables.outbox;
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for update skip locked' : '');
  const rows = await tx.db
    .select({ id: outbox.id })
    .from(outbox)
    .where(sql`${outbox.deadAt} is not null order by ${outbox.deadAt}, ${outbox.id} limit ${limit} ${lock}`);
  return rows.map(({ id }) => id);
}

/** @returns false if the job is not dead */
export async function deleteDeadJob(tx: Transaction, id: string): Promise<boolean> {
  const outbox = tx.tables.outbox;
  const rows = await tx.db
    .delete(outbox)
    .where(and(eq(outbox.id, id), isNotNull(outbox.deadAt)))
    .returning({ id: outbox.id });
  return rows.length > 0;
}
