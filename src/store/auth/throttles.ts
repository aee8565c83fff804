import { and, eq, gte, inArray, like, lt, lte, sql } from 'drizzle-orm';

import type { Refusals } from '../../domain/throttling/refusals.ts';
import type { ThrottleState } from '../../domain/throttling/throttle.ts';
import { unlockedRows } from '../database/bulk-insert.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';

/** A counter as it is stored. */
export interface Throttle {
  /** Undefined while nothing is counted. */
  state: ThrottleState | undefined;
  refusals: Refusals;
}

const readForUpdate = preparedStatement(({ db, tables: { throttles } }, param: Param<{ key: string }>) =>
  db
    .insert(throttles)
    .values({ key: param('key'), failures: 0, blockedUntil: 0, updatedAt: 0 })
    .onConflictDoUpdate({ target: throttles.key, set: { failures: sql`${throttles.failures}` } })
    .returning({
      failures: throttles.failures,
      blockedUntil: throttles.blockedUntil,
      updatedAt: throttles.updatedAt,
      refusals: throttles.refusals,
      refusedSince: throttles.refusedSince,
    }),
);

/**
 * Reads a counter and locks it until the transaction ends, so that all nodes count parallel attempts one after another. An upsert that
 * changes nothing does both on both engines. Lock several counters in the same order everywhere.
 */
export async function readThrottleForUpdate(tx: Transaction, key: string): Promise<Throttle> {
  const [row] = await readForUpdate(tx, { key });
  if (row === undefined) throw new Error('throttles: the upsert returned no row');
  const { refusals, refusedSince, ...state } = row;
  // The upsert inserts a new counter with time 0.
  return { state: state.updatedAt === 0 ? undefined : state, refusals: { count: refusals, since: refusedSince } };
}

const upsert = preparedStatement(({ db, tables: { throttles } }, param: Param<ThrottleState & { key: string }>) =>
  db
    .insert(throttles)
    .values({
      key: param('key'),
      failures: param('failures'),
      blockedUntil: param('blockedUntil'),
      updatedAt: param('updatedAt'),
    })
    .onConflictDoUpdate({
      target: throttles.key,
      set: {
        failures: sql`excluded.failures`,
        blockedUntil: sql`excluded.blocked_until`,
        updatedAt: sql`excluded.updated_at`,
      },
    }),
);

/** Reads the state of a counter without a lock. */
export async function readThrottle(tx: Transaction, key: string): Promise<ThrottleState | undefined> {
  const throttles = tx.tables.throttles;
  const [row] = await tx.db.select().from(throttles).where(eq(throttles.key, key));
  return row;
}

/** Lists the states of counters without a lock. A key that counts nothing has none. */
export async function listThrottles(tx: Transaction, keys: readonly string[]): Promise<ThrottleState[]> {
  const throttles = tx.tables.throttles;
  return tx.db
    .select()
    .from(throttles)
    .where(inArray(throttles.key, [...keys]));
}

/**
 * Lists the keys that begin with a prefix without wildcards, and continue with digits and the letters a to f. The range is on the index in every
 * collation of PostgreSQL; in some it contains other keys.
 */
export async function listThrottleKeys(tx: Transaction, prefix: string): Promise<string[]> {
  const throttles = tx.tables.throttles;
  const rows = await tx.db
    .select({ key: throttles.key })
    .from(throttles)
    .where(and(gte(throttles.key, prefix), lte(throttles.key, `${prefix}z`), like(throttles.key, `${prefix}%`)));
  return rows.map(({ key }) => key);
}

/** Stores the state of a counter and keeps its refusals. */
export async function upsertThrottle(tx: Transaction, key: string, state: ThrottleState): Promise<void> {
  await upsert(tx, { ...state, key });
}

const setRefused = preparedStatement(
  ({ db, tables: { throttles } }, param: Param<{ key: string; count: number; since: number | null }>) =>
    db
      .update(throttles)
      .set({ refusals: sql`${param('count')}`, refusedSince: sql`${param('since')}` })
      .where(eq(throttles.key, param('key'))),
);

/** Stores the refusals of a locked counter. */
export async function updateRefusals(tx: Transaction, key: string, refusals: Refusals): Promise<void> {
  await setRefused(tx, { ...refusals, key });
}

/** Writes the row of a counter. Its time moves by one millisecond, because SQLite skips a write that changes nothing. */
export async function touchThrottle(tx: Transaction, key: string): Promise<void> {
  const throttles = tx.tables.throttles;
  await tx.db
    .update(throttles)
    .set({ updatedAt: sql`${throttles.updatedAt} + 1` })
    .where(eq(throttles.key, key));
}

const remove = preparedStatement(({ db, tables: { throttles } }, param: Param<{ key: string }>) =>
  db
    .delete(throttles)
    .where(eq(throttles.key, param('key')))
    .returning({ count: throttles.refusals, since: throttles.refusedSince }),
);

/** Deletes a counter. @returns the refusals that no audit entry summarizes yet */
export async function deleteThrottle(tx: Transaction, key: string): Promise<Refusals | undefined> {
  const [row] = await remove(tx, { key });
  return row;
}

interface PurgedThrottle {
  key: string;
  refusals: Refusals;
}

/** Deletes up to `limit` counters that were not updated since `before` (ms since 1970). @returns the deleted counters */
export async function purgeThrottles(tx: Transaction, before: number, limit: number): Promise<PurgedThrottle[]> {
  const throttles = tx.tables.throttles;
  const old = tx.db
    .select({ key: throttles.key })
    .from(throttles)
    .where(lt(throttles.updatedAt, before))
    .orderBy(throttles.key)
    .limit(limit);
  const rows = await tx.db
    .delete(throttles)
    .where(inArray(throttles.key, unlockedRows(tx, old)))
    .returning({ key: throttles.key, count: throttles.refusals, since: throttles.refusedSince });
  return rows.map(({ key, count, since }) => ({ key, refusals: { count, since } }));
}
