import { eq, inArray, lt, sql } from 'drizzle-orm';

import type { ThrottleState } from '../domain/throttle.ts';
import { statement, type Param, type Unit } from './database/index.ts';

const lock = statement(({ db, t: { throttles: t } }, p: Param<{ key: string }>) =>
  db
    .insert(t)
    .values({ key: p('key'), failures: 0, blockedUntil: 0, updatedAt: 0 })
    .onConflictDoUpdate({ target: t.key, set: { failures: sql`${t.failures}` } })
    .returning({ failures: t.failures, blockedUntil: t.blockedUntil, updatedAt: t.updatedAt }),
);

/**
 * Reads a counter and locks it until the unit ends, so that fifty attempts at once are seen one after another, by all
 * nodes. One statement does both on both engines: an upsert that changes nothing. When several are needed, lock them in
 * the same order everywhere.
 *
 * @returns undefined when nothing is counted
 */
export async function lockThrottle(u: Unit, key: string): Promise<ThrottleState | undefined> {
  const [row] = await lock(u, { key });
  // The placeholder of a counter that is new: 1970 is no time at which anything was counted.
  return row === undefined || row.updatedAt === 0 ? undefined : row;
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

export async function putThrottle(u: Unit, key: string, state: ThrottleState): Promise<void> {
  await put(u, { ...state, key });
}

/** Writes a counter anew, a millisecond younger: SQLite leaves out a write that would change nothing. */
export async function touchThrottle(u: Unit, key: string): Promise<void> {
  const t = u.t.throttles;
  await u.db
    .update(t)
    .set({ updatedAt: sql`${t.updatedAt} + 1` })
    .where(eq(t.key, key));
}

const clear = statement(({ db, t: { throttles: t } }, p: Param<{ key: string }>) =>
  db.delete(t).where(eq(t.key, p('key'))),
);

export async function clearThrottle(u: Unit, key: string): Promise<void> {
  await clear(u, { key });
}

/** Removes up to `limit` counters not touched since `before` (ms since 1970). @returns how many */
export async function purgeThrottles(u: Unit, before: number, limit: number): Promise<number> {
  const t = u.t.throttles;
  const old = u.db.select({ key: t.key }).from(t).where(lt(t.updatedAt, before)).limit(limit);
  const rows = await u.db.delete(t).where(inArray(t.key, old)).returning({ key: t.key });
  return rows.length;
}
