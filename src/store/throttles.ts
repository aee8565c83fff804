import { eq, inArray, lt, sql } from 'drizzle-orm';

import type { ThrottleState } from '../domain/throttle.ts';
import { statement, type Param, type Unit } from './database/index.ts';

export interface Counter extends ThrottleState {
  key: string;
}

/** The places of a kept statement. An attempt counts on up to three keys, and each number of them has its own statement. */
const PLACES = [0, 1, 2] as const;
type Place = (typeof PLACES)[number];
type Values<K extends keyof Counter> = { [N in K as `${N}${Place}`]: Counter[N] };

const locks = PLACES.map((last) =>
  statement(({ db, t: { throttles: t } }, p: Param<Values<'key'>>) => {
    const rows = PLACES.slice(0, last + 1).map((at) => ({
      key: p(`key${at}`),
      ...{ failures: 0, blockedUntil: 0, updatedAt: 0 },
    }));
    return db
      .insert(t)
      .values(rows)
      .onConflictDoUpdate({ target: t.key, set: { failures: sql`${t.failures}` } })
      .returning();
  }),
);

/**
 * Reads counters and locks them until the unit ends, so that fifty attempts at once are seen one after another, by all
 * nodes. One statement does both on both engines: an upsert that changes nothing. Name the keys in the same order everywhere.
 *
 * @param keys one to three
 * @returns their states in the same order; undefined where nothing is counted
 */
export async function lockThrottles(u: Unit, keys: readonly string[]): Promise<(ThrottleState | undefined)[]> {
  const [key0 = '', key1 = '', key2 = ''] = keys;
  const rows = await ofLength(locks, keys)(u, { key0, key1, key2 });
  return keys.map((key) => {
    const row = rows.find((one) => one.key === key);
    // The placeholder of a counter that is new: 1970 is no time at which anything was counted.
    if (row === undefined || row.updatedAt === 0) return undefined;
    const { failures, blockedUntil, updatedAt } = row;
    return { failures, blockedUntil, updatedAt };
  });
}

export async function lockThrottle(u: Unit, key: string): Promise<ThrottleState | undefined> {
  return (await lockThrottles(u, [key]))[0];
}

const puts = PLACES.map((last) =>
  statement(({ db, t: { throttles: t } }, p: Param<Values<keyof Counter>>) => {
    const rows = PLACES.slice(0, last + 1).map((at) => ({
      key: p(`key${at}`),
      failures: p(`failures${at}`),
      blockedUntil: p(`blockedUntil${at}`),
      updatedAt: p(`updatedAt${at}`),
    }));
    return db
      .insert(t)
      .values(rows)
      .onConflictDoUpdate({
        target: t.key,
        set: {
          failures: sql`excluded.failures`,
          blockedUntil: sql`excluded.blocked_until`,
          updatedAt: sql`excluded.updated_at`,
        },
      });
  }),
);

/** @param counters one to three, which the unit has locked */
export async function putThrottles(u: Unit, counters: readonly Counter[]): Promise<void> {
  const [a = NONE, b = NONE, c = NONE] = counters;
  await ofLength(puts, counters)(u, {
    ...{ key0: a.key, failures0: a.failures, blockedUntil0: a.blockedUntil, updatedAt0: a.updatedAt },
    ...{ key1: b.key, failures1: b.failures, blockedUntil1: b.blockedUntil, updatedAt1: b.updatedAt },
    ...{ key2: c.key, failures2: c.failures, blockedUntil2: c.blockedUntil, updatedAt2: c.updatedAt },
  });
}

const NONE: Counter = { key: '', failures: 0, blockedUntil: 0, updatedAt: 0 };

function ofLength<S>(statements: readonly S[], list: readonly unknown[]): S {
  const found = statements[list.length - 1];
  if (found === undefined) throw new RangeError(`no statement for ${String(list.length)} counters`);
  return found;
}

export async function putThrottle(u: Unit, key: string, state: ThrottleState): Promise<void> {
  await putThrottles(u, [{ ...state, key }]);
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
