import { and, desc, eq, gt, inArray, isNotNull, isNull, lte, sql } from 'drizzle-orm';

import { statement, type Param, type Unit } from './database/index.ts';
import type { Tables } from './schema/define.ts';

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

/** @returns false when it had ended before or there is none */
export async function markEnded(u: Unit, sessionHash: string, now: number): Promise<boolean> {
  const s = u.t.sessions;
  const rows = await u.db
    .update(s)
    .set({ endedAt: now })
    .where(and(eq(s.sessionHash, sessionHash), isNull(s.endedAt)))
    .returning({ sessionHash: s.sessionHash });
  return rows.length > 0;
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

/** Up to `limit` sessions of anybody that have not ended, expired ones too, in the order of their hashes. */
export async function listOpenSessions(tx: Unit, afterHash: string, limit: number): Promise<SessionRow[]> {
  const s = tx.t.sessions;
  return tx.db
    .select()
    .from(s)
    .where(and(gt(s.sessionHash, afterHash), isNull(s.endedAt)))
    .orderBy(s.sessionHash)
    .limit(limit);
}

export async function markAllEnded(tx: Unit, sessionHashes: readonly string[], now: number): Promise<void> {
  const s = tx.t.sessions;
  if (sessionHashes.length === 0) return;
  await tx.db
    .update(s)
    .set({ endedAt: now })
    .where(and(inArray(s.sessionHash, [...sessionHashes]), isNull(s.endedAt)));
}

/** Removes up to `limit` ended sessions that expired at `now` (ms) or before. @returns how many */
export async function purgeSessions(u: Unit, now: number, limit: number): Promise<number> {
  const s = u.t.sessions;
  const expired = u.db
    .select({ hash: s.sessionHash })
    .from(s)
    .where(and(lte(s.expiresAt, now), isNotNull(s.endedAt)))
    .limit(limit);
  return (await u.db.delete(s).where(inArray(s.sessionHash, expired)).returning({ hash: s.sessionHash })).length;
}
