import { eq, inArray, lt, sql } from 'drizzle-orm';

import type { Refusals } from '../../domain/throttling/refusals.ts';
import type { ThrottleState } from '../../domain/throttling/throttle.ts';
import { unlockedRows } from '../database/bulk-insert.ts';
import { statement, type Param, type Unit } from '../database/index.ts';

/** A counter as it is stored. */
export interface Throttle {
  /** Undefined while nothing is counted. */
  state: ThrottleState | undefined;
  refusals: Refusals;
}

const lock = statement(({ db, t: { throttles: t } }, p: Param<{ key: string }>) =>
  db
    .insert(t)
    .values({ key: p('key'), failures: 0, blockedUntil: 0, updatedAt: 0 })
    .onConflictDoUpdate({ target: t.key, set: { failures: sql`${t.failures}` } })
    .returning({
      failures: t.failures,
      blockedUntil: t.blockedUntil,
      updatedAt: t.updatedAt,
      refusals: t.refusals,
      refusedSince: t.refusedSince,
    }),
);

/**
 * Reads a counter and locks it until the unit ends, so that fifty attempts at once are seen one after another, by all
 * nodes. One statement does both on both engines: an upsert that changes nothing. When several are needed, lock them in
 * the same order everywhere.
 */
export async function lockThrottle(tx: Unit, key: string): Promise<Throttle> {
  const [row] = await lock(tx, { key });
  if (row === undefined) throw new Error('throttles: the upsert returned no row');
  const { refusals, refusedSince, ...state } = row;
  // The placeholder of a counter that is new: 1970 is no time at which anything was counted.
  return { state: state.updatedAt === 0 ? undefined : state, refusals: { count: refusals, since: refusedSince } };
}

const put = statement(({ db, t: { throttles: t } }, p: Param<ThrottleState & { key: string }>) =>
  db
    .insert(t)
    .values({ key: p('key'), failures: p('failures'), blockedUntil: p('blockedUntil'), updatedAt: p('updatedAt') })
    .onConflictDoUpdate({
      target: t.key,
      set: {
        failures: sql`excluded.failures`,
        blockedUntil: sql`excluded.blocked_until`,
        updatedAt: sql`excluded.updated_at`,
      },
    }),
);

/** Writes the state of a counter; its refusals stay. */
export async function putThrottle(u: Unit, key: string, state: ThrottleState): Promise<void> {
  await put(u, { ...state, key });
}

const setRefused = statement(
  ({ db, t: { throttles: t } }, p: Param<{ key: string; count: number; since: number | null }>) =>
    db
      .update(t)
      .set({ refusals: sql`${p('count')}`, refusedSince: sql`${p('since')}` })
      .where(eq(t.key, p('key'))),
);

/** Writes the refusals of a locked counter. */
export async function putRefusals(tx: Unit, key: string, refusals: Refusals): Promise<void> {
  await setRefused(tx, { ...refusals, key });
}

/** Writes a counter a millisecond younger: SQLite leaves out a write that would change nothing. */
export async function touchThrottle(u: Unit, key: string): Promise<void> {
  const t = u.t.throttles;
  await u.db
    .update(t)
    .set({ updatedAt: sql`${t.updatedAt} + 1` })
    .where(eq(t.key, key));
}

const clear = statement(({ db, t: { throttles: t } }, p: Param<{ key: string }>) =>
  db
    .delete(t)
    .where(eq(t.key, p('key')))
    .returning({ count: t.refusals, since: t.refusedSince }),
);

/** Removes a counter. @returns the refusals that no audit entry sums up yet */
export async function clearThrottle(u: Unit, key: string): Promise<Refusals | undefined> {
  const [row] = await clear(u, { key });
  return row;
}

export interface PurgedThrottle {
  key: string;
  refusals: Refusals;
}

/** Removes up to `limit` counters not touched since `before` (ms since 1970). @returns the removed counters */
export async function purgeThrottles(u: Unit, before: number, limit: number): Promise<PurgedThrottle[]> {
  const t = u.t.throttles;
  const old = u.db.select({ key: t.key }).from(t).where(lt(t.updatedAt, before)).orderBy(t.key).limit(limit);
  const rows = await u.db
    .delete(t)
    .where(inArray(t.key, unlockedRows(u, old)))
    .returning({ key: t.key, count: t.refusals, since: t.refusedSince });
  return rows.map(({ key, count, since }) => ({ key, refusals: { count, since } }));
}
