import { and, count, eq, inArray, isNotNull, isNull, lt, lte, notInArray, or, sql } from 'drizzle-orm';

import { unlockedRows } from './database/bulk-insert.ts';
import type { Transaction } from './database/index.ts';
import type { OutboxKind } from './schema/operations.ts';
import type { Tables } from './schema/tables.ts';

export type { OutboxKind } from './schema/operations.ts';
export type OutboxRow = Tables['outbox']['$inferSelect'];
export type NewOutboxRow = Pick<OutboxRow, 'id' | 'kind' | 'payload' | 'nextAt' | 'createdAt'> &
  Partial<Pick<OutboxRow, 'recipientMac'>>;

/** Inserts a job in the transaction of its cause, so that both happen or neither. The caller seals the payload. */
export async function insertJob(tx: Transaction, job: NewOutboxRow): Promise<void> {
  await tx.db.insert(tx.tables.outbox).values(job);
}

/**
 * Leases up to `limit` due jobs for `leaseMs`. No other worker of any process gets them before the lease expires; after a crash, other
 * workers take them then. `attempts` includes this attempt.
 *
 * @param kind jobs of every kind if omitted
 */
export async function claimDue(
  tx: Transaction,
  now: number,
  leaseMs: number,
  limit: number,
  kind?: OutboxKind,
): Promise<OutboxRow[]> {
  const outbox = tx.tables.outbox;
  const due = and(
    kind === undefined ? undefined : eq(outbox.kind, kind),
    isNull(outbox.doneAt),
    isNull(outbox.deadAt),
    lte(outbox.nextAt, now),
    or(isNull(outbox.leasedUntil), lte(outbox.leasedUntil, now)),
  );
  // Skips rows that other workers have locked. SQLite has one writer and no row locks.
  const lock = tx.dialect === 'postgres' ? sql`for update skip locked` : sql``;
  const chosen = tx.db
    .$with('chosen', { id: sql<string>`id`.as('id') })
    .as(sql`select ${outbox.id} from ${outbox} where ${due} order by ${outbox.nextAt} limit ${limit} ${lock}`);
  const rows = await tx.db
    .with(chosen)
    .update(outbox)
    .set({ leasedUntil: now + leaseMs, attempts: sql`${outbox.attempts} + 1` })
    .where(and(inArray(outbox.id, sql`(select id from chosen)`), due))
    .returning();
  return rows.sort((a, b) => a.nextAt - b.nextAt);
}

/** Marks a job as delivered and erases its payload, which may hold personal data. */
export async function markDelivered(tx: Transaction, id: string, now: number): Promise<void> {
  const outbox = tx.tables.outbox;
  await tx.db
    .update(outbox)
    .set({ doneAt: now, leasedUntil: null, lastError: null, payload: '', recipientMac: null })
    .where(eq(outbox.id, id));
}

/** Makes a job due again at `nextAt` (ms). `error` must not contain personal data. */
export async function scheduleRetry(tx: Transaction, id: string, nextAt: number, error: string): Promise<void> {
  const outbox = tx.tables.outbox;
  await tx.db.update(outbox).set({ nextAt, leasedUntil: null, lastError: error }).where(eq(outbox.id, id));
}

/** Gives up a job. The payload stays until the job is purged, so that an operator can send it again. */
export async function markDeadLettered(tx: Transaction, id: string, now: number, error: string): Promise<void> {
  const outbox = tx.tables.outbox;
  await tx.db.update(outbox).set({ deadAt: now, leasedUntil: null, lastError: error }).where(eq(outbox.id, id));
}

export async function deleteJob(tx: Transaction, id: string): Promise<void> {
  await tx.db.delete(tx.tables.outbox).where(eq(tx.tables.outbox.id, id));
}

/** Deletes the mails to these recipients that are queued or dead. @param exceptIds jobs that stay */
export async function deleteMailsTo(
  tx: Transaction,
  recipientMacs: readonly string[],
  exceptIds: readonly string[],
): Promise<void> {
  const outbox = tx.tables.outbox;
  if (recipientMacs.length === 0) return;
  const isKept = exceptIds.length === 0 ? undefined : notInArray(outbox.id, [...exceptIds]);
  await tx.db.delete(outbox).where(and(inArray(outbox.recipientMac, [...recipientMacs]), isKept));
}

/** Lists the outcomes of jobs. Purged jobs are absent. */
export async function listOutcomes(
  tx: Transaction,
  ids: readonly string[],
): Promise<Pick<OutboxRow, 'id' | 'doneAt' | 'lastError'>[]> {
  const outbox = tx.tables.outbox;
  return tx.db
    .select({ id: outbox.id, doneAt: outbox.doneAt, lastError: outbox.lastError })
    .from(outbox)
    .where(inArray(outbox.id, [...ids]));
}

interface JobCount {
  kind: OutboxKind;
  pending: number;
  dead: number;
}

/** Counts pending and dead jobs by kind, for the metrics. Kinds without any are absent. */
export async function countJobs(tx: Transaction): Promise<JobCount[]> {
  const outbox = tx.tables.outbox;
  return tx.db
    .select({
      kind: outbox.kind,
      pending: sql`sum(case when ${outbox.deadAt} is null then 1 else 0 end)`.mapWith(Number),
      dead: count(outbox.deadAt),
    })
    .from(outbox)
    .where(isNull(outbox.doneAt))
    .groupBy(outbox.kind)
    .orderBy(outbox.kind);
}

/**
 * Deletes up to `limit` delivered and dead jobs that were created before these times (ms). `dead` must not be later than `delivered`.
 *
 * @returns the number of deleted jobs
 */
export async function purgeOutbox(
  tx: Transaction,
  before: { delivered: number; dead: number },
  limit: number,
): Promise<number> {
  const outbox = tx.tables.outbox;
  const isDead = and(isNotNull(outbox.deadAt), lt(outbox.createdAt, before.dead));
  const old = tx.db
    .select({ id: outbox.id })
    .from(outbox)
    .where(and(lt(outbox.createdAt, before.delivered), or(isNotNull(outbox.doneAt), isDead)))
    .orderBy(outbox.createdAt, outbox.id)
    .limit(limit);
  return (
    await tx.db
      .delete(outbox)
      .where(inArray(outbox.id, unlockedRows(tx, old)))
      .returning({ id: outbox.id })
  ).length;
}
