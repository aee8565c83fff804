import { and, desc, eq, gt, inArray, isNull, lt, lte, ne, sql } from 'drizzle-orm';

import { chunksOf, unlockedRows } from '../database/bulk-insert.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A session as the account page shows it. `sessionHash` is the hash of the provider's session uid. */
export type SessionRow = Tables['sessions']['$inferSelect'];
export type NewSession = Omit<Tables['sessions']['$inferInsert'], 'endedAt'>;

const upsert = preparedStatement(({ db, tables: { sessions } }, param: Param<NewSession & { now: number }>) =>
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
      setWhere: sql`${isNull(sessions.endedAt)} and ${gt(sessions.expiresAt, param('now'))}`,
    })
    .returning({ sessionHash: sessions.sessionHash }),
);

/**
 * Inserts or updates a session. A session that was revoked or has expired at `now` (ms) stays ended, so a request in flight at that time
 * cannot restore it.
 *
 * @returns false when the session has ended
 */
export async function upsertSession(tx: Transaction, session: NewSession, now: number): Promise<boolean> {
  return (await upsert(tx, { ...session, now })).length > 0;
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

/** Lists the sessions that are neither revoked nor expired at `now` (ms), newest first. */
export async function listActiveSessionsByPerson(
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

/**
 * Lists the sessions of a person that are not revoked, including expired ones: a node whose clock is behind would renew those for a request in
 * progress.
 */
export async function listOpenSessionsByPerson(tx: Transaction, personId: string): Promise<SessionRow[]> {
  const sessions = tx.tables.sessions;
  return tx.db
    .select()
    .from(sessions)
    .where(and(eq(sessions.personId, personId), isNull(sessions.endedAt)));
}

/** Sessions that one sign-in revokes; later sign-ins revoke the rest. SQLite requires a LIMIT for OFFSET. */
const MAX_SURPLUS_ROWS = 1_000;

interface SurplusSessions {
  personId: string;
  /** Hash of the session that is not counted. */
  except: string;
  now: number;
  /** Number of other sessions that a person keeps. */
  limit: number;
}

const surplus = preparedStatement(({ db, tables: { sessions } }, param: Param<SurplusSessions>) =>
  db
    .select({ sessionHash: sessions.sessionHash })
    .from(sessions)
    .where(
      and(
        eq(sessions.personId, param('personId')),
        ne(sessions.sessionHash, param('except')),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, param('now')),
      ),
    )
    .orderBy(desc(sessions.createdAt), sessions.sessionHash)
    .limit(MAX_SURPLUS_ROWS)
    .offset(param('limit')),
);

/** Lists the active sessions of a person beyond the newest `limit`, without the session `except`. */
export async function listSurplusSessions(tx: Transaction, options: SurplusSessions): Promise<string[]> {
  return (await surplus(tx, options)).map(({ sessionHash }) => sessionHash);
}

/** Marks sessions as revoked. Sessions that were revoked before keep their time. @returns the number of sessions that were active */
export async function markRevoked(tx: Transaction, sessionHashes: readonly string[], now: number): Promise<number> {
  const sessions = tx.tables.sessions;
  let revoked = 0;
  for (const part of chunksOf(sessionHashes)) {
    const isActive = and(inArray(sessions.sessionHash, part), isNull(sessions.endedAt));
    revoked += (
      await tx.db.update(sessions).set({ endedAt: now }).where(isActive).returning({ hash: sessions.sessionHash })
    ).length;
  }
  return revoked;
}

/** Moves a session to a new hash and marks the old row as ended. @returns the new row; `undefined` when the session is not active */
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

/** Lists up to `limit` sessions that expired at `now` (ms) or before and whose apps were not notified yet. */
export async function listExpiredSessions(tx: Transaction, now: number, limit: number): Promise<SessionRow[]> {
  const sessions = tx.tables.sessions;
  return tx.db
    .select()
    .from(sessions)
    .where(and(lte(sessions.expiresAt, now), isNull(sessions.endedAt)))
    .limit(limit);
}

/** Lists up to `limit` sessions that are not revoked, including expired ones, ordered by hash. */
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

/** Deletes up to `limit` sessions that ended before `before` (ms). @returns the number of deleted sessions */
export async function purgeSessions(tx: Transaction, before: number, limit: number): Promise<number> {
  const sessions = tx.tables.sessions;
  const ended = tx.db
    .select({ hash: sessions.sessionHash })
    .from(sessions)
    .where(lt(sessions.endedAt, before))
    .orderBy(sessions.endedAt)
    .limit(limit);
  return (
    await tx.db
      .delete(sessions)
      .where(inArray(sessions.sessionHash, unlockedRows(tx, ended)))
      .returning({ hash: sessions.sessionHash })
  ).length;
}
