import { and, count, eq, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm';

import { unlockedRows } from './database/bulk-insert.ts';
import type { Unit } from './database/index.ts';
import type { OutboxKind } from './schema/operations.ts';
import type { Tables } from './schema/tables.ts';

export type { OutboxKind } from './schema/operations.ts';
export type OutboxRow = Tables['outbox']['$inferSelect'];
export type NewOutboxRow = Pick<OutboxRow, 'id' | 'kind' | 'payload' | 'nextAt' | 'createdAt'>;

/** Writes down what is to be sent, in the unit of its cause: both happen or neither. The caller seals the payload. */
export async function enqueue(u: Unit, job: NewOutboxRow): Promise<void> {
  await u.db.insert(u.t.outbox).values(job);
}

/**
 * Takes up to `limit` due jobs for `leaseMs`; no other worker of any process gets them before that time is over. A worker
 * that dies leaves its jobs to the others then. `attempts` counts this attempt already.
 *
 * @param kind left out: of every kind
 */
export async function claimDue(
  u: Unit,
  now: number,
  leaseMs: number,
  limit: number,
  kind?: OutboxKind,
): Promise<OutboxRow[]> {
  const o = u.t.outbox;
  const due = and(
    kind === undefined ? undefined : eq(o.kind, kind),
    isNull(o.doneAt),
    isNull(o.deadAt),
    lte(o.nextAt, now),
    or(isNull(o.leasedUntil), lte(o.leasedUntil, now)),
  );
  // Other workers' rows are stepped over, not waited for. SQLite has one writer and knows no row locks.
  const lock = u.dialect === 'postgres' ? sql`for update skip locked` : sql``;
  const chosen = u.db
    .$with('chosen', { id: sql<string>`id`.as('id') })
    .as(sql`select ${o.id} from ${o} where ${due} order by ${o.nextAt} limit ${limit} ${lock}`);
  const rows = await u.db
    .with(chosen)
    .update(o)
    .set({ leasedUntil: now + leaseMs, attempts: sql`${o.attempts} + 1` })
    .where(and(inArray(o.id, sql`(select id from chosen)`), due))
    .returning();
  return rows.sort((a, b) => a.nextAt - b.nextAt);
}

/** Sent. The payload is erased: what it said is nobody's business any more. */
export async function markDone(u: Unit, id: string, now: number): Promise<void> {
  const o = u.t.outbox;
  await u.db.update(o).set({ doneAt: now, leasedUntil: null, lastError: null, payload: '' }).where(eq(o.id, id));
}

/** Not sent; due again at `nextAt` (ms). `error` must carry no personal data. */
export async function markRetry(u: Unit, id: string, nextAt: number, error: string): Promise<void> {
  const o = u.t.outbox;
  await u.db.update(o).set({ nextAt, leasedUntil: null, lastError: error }).where(eq(o.id, id));
}

/** Given up. The payload stays until it is purged, so that an operator can send it again. */
export async function markDead(u: Unit, id: string, now: number, error: string): Promise<void> {
  const o = u.t.outbox;
  await u.db.update(o).set({ deadAt: now, leasedUntil: null, lastError: error }).where(eq(o.id, id));
}

/** What has become of jobs. Purged ones are absent. */
export async function outboxOutcomes(
  u: Unit,
  ids: readonly string[],
): Promise<Pick<OutboxRow, 'id' | 'doneAt' | 'lastError'>[]> {
  const o = u.t.outbox;
  return u.db
    .select({ id: o.id, doneAt: o.doneAt, lastError: o.lastError })
    .from(o)
    .where(inArray(o.id, [...ids]));
}

export interface OutboxCount {
  kind: OutboxKind;
  pending: number;
  dead: number;
}

/** What waits and what was given up, by kind, for the metrics. Kinds with neither are absent. */
export async function outboxCounts(u: Unit): Promise<OutboxCount[]> {
  const o = u.t.outbox;
  return u.db
    .select({
      kind: o.kind,
      pending: sql`sum(case when ${o.deadAt} is null then 1 else 0 end)`.mapWith(Number),
      dead: count(o.deadAt),
    })
    .from(o)
    .where(isNull(o.doneAt))
    .groupBy(o.kind)
    .orderBy(o.kind);
}

/** Removes up to `limit` jobs made before `before` (ms) that were sent or given up. @returns how many */
export async function purgeOutbox(u: Unit, before: number, limit: number): Promise<number> {
  const o = u.t.outbox;
  const old = u.db
    .select({ id: o.id })
    .from(o)
    .where(and(lt(o.createdAt, before), or(isNotNull(o.doneAt), isNotNull(o.deadAt))))
    .orderBy(o.createdAt, o.id)
    .limit(limit);
  return (
    await u.db
      .delete(o)
      .where(inArray(o.id, unlockedRows(u, old)))
      .returning({ id: o.id })
  ).length;
}
