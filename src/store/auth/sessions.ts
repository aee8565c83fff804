import { and, desc, eq, gt, inArray, isNotNull, isNull, lte, sql } from 'drizzle-orm';

import { chunksOf, unlockedRows } from '../database/bulk-insert.ts';
import { statement, type Param, type Unit } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A sign-in as its person sees it on the account page. `sessionHash` is the hash of the provider's session uid. */
export type SessionRow = Tables['sessions']['$inferSelect'];
export type NewSession = Omit<Tables['sessions']['$inferInsert'], 'endedAt'>;

const put = statement(({ db, t: { sessions: s } }, p: Param<NewSession>) =>
  db
    .insert(s)
    .values({
      sessionHash: p('sessionHash'),
      personId: p('personId'),
      userAgent: p('userAgent'),
      address: p('address'),
      remember: p('remember'),
      createdAt: p('createdAt'),
      expiresAt: p('expiresAt'),
    })
    .onConflictDoUpdate({
      target: s.sessionHash,
      set: {
        personId: sql`excluded.person_id`,
        userAgent: sql`excluded.user_agent`,
        address: sql`excluded.address`,
        remember: sql`excluded.remember`,
        expiresAt: sql`excluded.expires_at`,
      },
      setWhere: isNull(s.endedAt),
    })
    .returning({ sessionHash: s.sessionHash }),
);

/**
 * Writes a session down, or brings a known one up to date. An ended one stays ended, so a request that was under way when
 * the session was ended cannot bring it back.
 * @returns false when it has ended
 */
export async function putSession(u: Unit, session: NewSession): Promise<boolean> {
  return (await put(u, session)).length > 0;
}

const byHash = statement(({ db, t: { sessions: s } }, p: Param<{ sessionHash: string }>) =>
  db
    .select()
    .from(s)
    .where(eq(s.sessionHash, p('sessionHash'))),
);

export async function sessionByHash(u: Unit, sessionHash: string): Promise<SessionRow | undefined> {
  const [row] = await byHash(u, { sessionHash });
  return row;
}

/** Neither ended nor expired at `now` (ms); newest first. */
export async function liveSessionsOf(u: Unit, personId: string, now: number): Promise<SessionRow[]> {
  const s = u.t.sessions;
  return u.db
    .select()
    .from(s)
    .where(and(eq(s.personId, personId), isNull(s.endedAt), gt(s.expiresAt, now)))
    .orderBy(desc(s.createdAt), s.sessionHash);
}

/** SQLite has no OFFSET without a LIMIT. Sign-ins later than this one end the rest. */
const SURPLUS_LIMIT = 1_000;

const surplus = statement(({ db, t: { sessions: s } }, p: Param<{ personId: string; now: number; limit: number }>) =>
  db
    .select({ sessionHash: s.sessionHash })
    .from(s)
    .where(and(eq(s.personId, p('personId')), isNull(s.endedAt), gt(s.expiresAt, p('now'))))
    .orderBy(desc(s.createdAt), s.sessionHash)
    .limit(SURPLUS_LIMIT)
    .offset(p('limit')),
);

/** The live sessions of a person beyond the newest `limit`. */
export async function listSurplusSessions(tx: Unit, personId: string, now: number, limit: number): Promise<string[]> {
  return (await surplus(tx, { personId, now, limit })).map(({ sessionHash }) => sessionHash);
}

/** Ends sessions; those that had ended before keep their time. @returns how many ended now */
export async function markEnded(tx: Unit, sessionHashes: readonly string[], now: number): Promise<number> {
  const s = tx.t.sessions;
  let ended = 0;
  for (const part of chunksOf(sessionHashes)) {
    const live = and(inArray(s.sessionHash, part), isNull(s.endedAt));
    ended += (await tx.db.update(s).set({ endedAt: now }).where(live).returning({ hash: s.sessionHash })).length;
  }
  return ended;
}

/** Ends a session and begins the same one under another hash. @returns the new row; `undefined` when the session has ended */
export async function moveSession(
  tx: Unit,
  sessionHash: string,
  newHash: string,
  now: number,
): Promise<SessionRow | undefined> {
  const s = tx.t.sessions;
  const [row] = await tx.db
    .update(s)
    .set({ endedAt: now })
    .where(and(eq(s.sessionHash, sessionHash), isNull(s.endedAt), gt(s.expiresAt, now)))
    .returning();
  if (row === undefined) return undefined;
  const moved = { ...row, sessionHash: newHash, endedAt: null };
  await tx.db.insert(s).values(moved);
  return moved;
}

/** Up to `limit` sessions that expired at `now` (ms) or before and were not ended yet: somebody has to be told. */
export async function expiredSessions(u: Unit, now: number, limit: number): Promise<SessionRow[]> {
  const s = u.t.sessions;
  return u.db
    .select()
    .from(s)
    .where(and(lte(s.expiresAt, now), isNull(s.endedAt)))
    .limit(limit);
}

/** Lists up to `limit` sessions that have not ended, expired ones too, in the order of their hashes. */
export async function listOpenSessions(
  tx: Unit,
  { afterHash, createdUntil }: { afterHash: string; createdUntil: number },
  limit: number,
): Promise<SessionRow[]> {
  const s = tx.t.sessions;
  return tx.db
    .select()
    .from(s)
    .where(and(gt(s.sessionHash, afterHash), isNull(s.endedAt), lte(s.createdAt, createdUntil)))
    .orderBy(s.sessionHash)
    .limit(limit);
}

/** Removes up to `limit` ended sessions that expired at `now` (ms) or before. @returns how many */
export async function purgeSessions(u: Unit, now: number, limit: number): Promise<number> {
  const s = u.t.sessions;
  const expired = u.db
    .select({ hash: s.sessionHash })
    .from(s)
    .where(and(lte(s.expiresAt, now), isNotNull(s.endedAt)))
    .orderBy(s.expiresAt)
    .limit(limit);
  return (
    await u.db
      .delete(s)
      .where(inArray(s.sessionHash, unlockedRows(u, expired)))
      .returning({ hash: s.sessionHash })
  ).length;
}
