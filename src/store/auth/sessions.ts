import { and, desc, eq, gt, inArray, isNotNull, isNull, lte, sql } from 'drizzle-orm';

import { chunksOf, unlockedRows } from '../database/bulk-insert.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A sign-in as its person sees it on the account page. `sessionHash` is the hash of the provider's session uid. */
export type SessionRow = Tables['sessions']['$inferSelect'];
export type NewSession = Omit<Tables['sessions']['$inferInsert'], 'endedAt'>;

const put = preparedStatement(({ db, tables: { sessions } }, param: Param<NewSession>) =>
  db
    .insert(sessions)
    .values({
      sessionHash: param('sessionHash'),
      personId: param('personId'),
      userAgent: param('userAgent'),
      address: param('address'),
      remember: param('remember'),
      createdAt: param('createdAt'),
      expiresAt: param('expiresAt'),
    })
    .onConflictDoUpdate({
      target: sessions.sessionHash,
      set: {
        personId: sql`excluded.person_id`,
        userAgent: sql`excluded.user_agent`,
        address: sql`excluded.address`,
        remember: sql`excluded.remember`,
        expiresAt: sql`excluded.expires_at`,
      },
      setWhere: isNull(sessions.endedAt),
    })
    .returning({ sessionHash: sessions.sessionHash }),
);

/**
 * Writes a session down, or brings a known one up to date. An ended one stays ended, so a request that was under way when
 * the session was ended cannot bring it back.
 * @returns false when it has ended
 */
export async function upsertSession(tx: Transaction, session: NewSession): Promise<boolean> {
  return (await put(tx, session)).length > 0;
}

const byHash = preparedStatement(({ db, tables: { sessions } }, param: Param<{ sessionHash: string }>) =>
  db
    .select()
    .from(sessions)
    .where(eq(sessions.sessionHash, param('sessionHash'))),
);

export async function findSession(tx: Transaction, sessionHash: string): Promise<SessionRow | undefined> {
  const [row] = await byHash(tx, { sessionHash });
  return row;
}

/** Neither ended nor expired at `now` (ms); newest first. */
export async function findActiveSessionsByPerson(
  tx: Transaction,
  personId: string,
  now: number,
): Promise<SessionRow[]> {
  const sessions = tx.tables.sessions;
  return tx.db
    .select()
    .from(sessions)
    .where(and(eq(sessions.personId, personId), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .orderBy(desc(sessions.createdAt), sessions.sessionHash);
}

/** SQLite has no OFFSET without a LIMIT. Sign-ins later than this one end the rest. */
const SURPLUS_LIMIT = 1_000;

const surplus = preparedStatement(
  ({ db, tables: { sessions } }, param: Param<{ personId: string; now: number; limit: number }>) =>
    db
      .select({ sessionHash: sessions.sessionHash })
      .from(sessions)
      .where(
        and(eq(sessions.personId, param('personId')), isNull(sessions.endedAt), gt(sessions.expiresAt, param('now'))),
      )
      .orderBy(desc(sessions.createdAt), sessions.sessionHash)
      .limit(SURPLUS_LIMIT)
      .offset(param('limit')),
);

/** The live sessions of a person beyond the newest `limit`. */
export async function listSurplusSessions(
  tx: Transaction,
  personId: string,
  now: number,
  limit: number,
): Promise<string[]> {
  return (await surplus(tx, { personId, now, limit })).map(({ sessionHash }) => sessionHash);
}

/** Ends sessions; those that had ended before keep their time. @returns how many ended now */
export async function markRevoked(tx: Transaction, sessionHashes: readonly string[], now: number): Promise<number> {
  const sessions = tx.tables.sessions;
  let ended = 0;
  for (const part of chunksOf(sessionHashes)) {
    const live = and(inArray(sessions.sessionHash, part), isNull(sessions.endedAt));
    ended += (await tx.db.update(sessions).set({ endedAt: now }).where(live).returning({ hash: sessions.sessionHash }))
      .length;
  }
  return ended;
}

/** Ends a session and begins the same one under another hash. @returns the new row; `undefined` when the session has ended */
export async function updateSessionHash(
  tx: Transaction,
  sessionHash: string,
  newHash: string,
  now: number,
): Promise<SessionRow | undefined> {
  const sessions = tx.tables.sessions;
  const [row] = await tx.db
    .update(sessions)
    .set({ endedAt: now })
    .where(and(eq(sessions.sessionHash, sessionHash), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .returning();
  if (row === undefined) return undefined;
  const moved = { ...row, sessionHash: newHash, endedAt: null };
  await tx.db.insert(sessions).values(moved);
  return moved;
}

/** Up to `limit` sessions that expired at `now` (ms) or before and were not ended yet: somebody has to be told. */
export async function listExpiredSessions(tx: Transaction, now: number, limit: number): Promise<SessionRow[]> {
  const sessions = tx.tables.sessions;
  return tx.db
    .select()
    .from(sessions)
    .where(and(lte(sessions.expiresAt, now), isNull(sessions.endedAt)))
    .limit(limit);
}

/** Lists up to `limit` sessions that have not ended, expired ones too, in the order of their hashes. */
export async function listOpenSessions(
  tx: Transaction,
  { afterHash, createdUntil }: { afterHash: string; createdUntil: number },
  limit: number,
): Promise<SessionRow[]> {
  const sessions = tx.tables.sessions;
  return tx.db
    .select()
    .from(sessions)
    .where(and(gt(sessions.sessionHash, afterHash), isNull(sessions.endedAt), lte(sessions.createdAt, createdUntil)))
    .orderBy(sessions.sessionHash)
    .limit(limit);
}

/** Removes up to `limit` ended sessions that expired at `now` (ms) or before. @returns how many */
export async function purgeSessions(tx: Transaction, now: number, limit: number): Promise<number> {
  const sessions = tx.tables.sessions;
  const expired = tx.db
    .select({ hash: sessions.sessionHash })
    .from(sessions)
    .where(and(lte(sessions.expiresAt, now), isNotNull(sessions.endedAt)))
    .orderBy(sessions.expiresAt)
    .limit(limit);
  return (
    await tx.db
      .delete(sessions)
      .where(inArray(sessions.sessionHash, unlockedRows(tx, expired)))
      .returning({ hash: sessions.sessionHash })
  ).length;
}
