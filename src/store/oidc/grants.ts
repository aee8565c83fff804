import { and, desc, eq, gt, inArray, lte, ne, not, sql } from 'drizzle-orm';

import type { ActingContext } from '../../domain/model.ts';
import { chunksOf, unlockedRows } from '../database/bulk-insert.ts';
import { statement, type Param, type Unit } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';
import { deleteRecords, destroyByGrants, foundColumns, type FoundRecord } from './records.ts';

/** What a person chose at a sign-in. `scopes` is a space-separated list, as in the protocol. */
export type GrantRow = Tables['grants']['$inferSelect'];
export type NewGrant = Tables['grants']['$inferInsert'];
export type LastContext = Pick<Tables['lastContexts']['$inferSelect'], 'role' | 'schoolCode' | 'childId'>;

const insert = statement(({ db, t }, p: Param<GrantRow>) =>
  db.insert(t.grants).values({
    grantHash: p('grantHash'),
    personId: p('personId'),
    clientId: p('clientId'),
    sessionHash: p('sessionHash'),
    role: p('role'),
    schoolCode: p('schoolCode'),
    childId: p('childId'),
    basisId: p('basisId'),
    scopes: p('scopes'),
    createdAt: p('createdAt'),
    expiresAt: p('expiresAt'),
  }),
);

export async function insertGrant(u: Unit, grant: NewGrant): Promise<void> {
  const { role = null, schoolCode = null, childId = null, basisId = null } = grant;
  await insert(u, { ...grant, role, schoolCode, childId, basisId });
}

/** A grant with what it stands on: the session that it came from, and the provider's own record of it. */
export interface StandingGrant {
  grant: Pick<GrantRow, 'personId' | 'clientId' | 'role' | 'schoolCode' | 'childId' | 'scopes'>;
  /** Null when the session was purged. */
  session: Pick<Tables['sessions']['$inferSelect'], 'expiresAt' | 'endedAt'> | null;
  /** Null when it was destroyed. */
  record: FoundRecord | null;
}

const standing = statement(({ db, t: { grants: g, sessions: s, oidcRecords: o } }, p: Param<{ grantHash: string }>) =>
  db
    .select({
      grant: {
        personId: g.personId,
        clientId: g.clientId,
        role: g.role,
        schoolCode: g.schoolCode,
        childId: g.childId,
        scopes: g.scopes,
      },
      // Where nothing was joined drizzle gives null, and asks the first column for it: that one must never be null.
      session: { expiresAt: s.expiresAt, endedAt: s.endedAt },
      record: foundColumns(o),
    })
    .from(g)
    .leftJoin(s, eq(s.sessionHash, g.sessionHash))
    .leftJoin(o, and(eq(o.model, 'Grant'), eq(o.idHash, g.grantHash), eq(o.destroyed, false)))
    .where(eq(g.grantHash, p('grantHash'))),
);

export async function standingGrant(u: Unit, grantHash: string): Promise<StandingGrant | undefined> {
  const [row] = await standing(u, { grantHash });
  return row;
}

/** Keeps a grant from ending until the transaction ends. @returns false when it has ended */
export async function lockGrantShared(tx: Unit, grantHash: string): Promise<boolean> {
  const g = tx.t.grants;
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for share' : '');
  const rows = await tx.db
    .select({ hash: g.grantHash })
    .from(g)
    .where(sql`${eq(g.grantHash, grantHash)} ${lock}`);
  return rows.length > 0;
}

/** Expired grants that were not purged yet are among them, here and below; `liveGrantsOf` leaves them out. */
export async function grantsOfPerson(u: Unit, personId: string): Promise<GrantRow[]> {
  const g = u.t.grants;
  return u.db.select().from(g).where(eq(g.personId, personId)).orderBy(g.createdAt, g.grantHash);
}

export async function liveGrantsOf(u: Unit, personId: string, now: number): Promise<GrantRow[]> {
  const g = u.t.grants;
  return u.db
    .select()
    .from(g)
    .where(and(eq(g.personId, personId), gt(g.expiresAt, now)))
    .orderBy(g.createdAt, g.grantHash);
}

export async function listGrantsOfSessions(tx: Unit, sessionHashes: readonly string[]): Promise<GrantRow[]> {
  const g = tx.t.grants;
  const found: GrantRow[] = [];
  for (const part of chunksOf(sessionHashes)) {
    found.push(...(await tx.db.select().from(g).where(inArray(g.sessionHash, part))));
  }
  return found;
}

/** Grants that one transaction revokes. Later ones revoke the rest. */
const SURPLUS_LIMIT = 1_000;

interface SurplusParams {
  /** A session or a person. */
  owner: string;
  clientId: string;
  grantHash: string;
  now: number;
  /** How many of the other grants stay. */
  kept: number;
}

function surplusGrants(owner: 'sessionHash' | 'personId', kind: 'offline' | 'online') {
  return statement(({ db, t: { grants: g } }, p: Param<SurplusParams>) => {
    const isOffline = sql`(' ' || ${g.scopes} || ' ') like '% offline_access %'`;
    return db
      .select({ grantHash: g.grantHash })
      .from(g)
      .where(
        and(
          eq(g[owner], p('owner')),
          eq(g.clientId, p('clientId')),
          ne(g.grantHash, p('grantHash')),
          gt(g.expiresAt, p('now')),
          kind === 'offline' ? isOffline : not(isOffline),
        ),
      )
      .orderBy(desc(g.createdAt), g.grantHash)
      .limit(SURPLUS_LIMIT)
      .offset(p('kept'));
  });
}

const surplusOfSession = {
  online: surplusGrants('sessionHash', 'online'),
  offline: surplusGrants('sessionHash', 'offline'),
};
const surplusOfPerson = surplusGrants('personId', 'offline');

export type NewestGrant = Pick<GrantRow, 'grantHash' | 'personId' | 'clientId' | 'sessionHash'>;

/**
 * Lists the live grants of the session and client of a grant beyond the newest `limit`, of which it is one. Those with `offline_access` are
 * counted apart from the others.
 */
export async function listSurplusOfSession(
  tx: Unit,
  { sessionHash: owner, clientId, grantHash }: NewestGrant,
  isOffline: boolean,
  now: number,
  limit: number,
): Promise<string[]> {
  const list = surplusOfSession[isOffline ? 'offline' : 'online'];
  return (await list(tx, { owner, clientId, grantHash, now, kept: limit - 1 })).map((row) => row.grantHash);
}

/** The same for the grants with `offline_access` of a person. */
export async function listSurplusOfPerson(
  tx: Unit,
  { personId: owner, clientId, grantHash }: NewestGrant,
  now: number,
  limit: number,
): Promise<string[]> {
  return (await surplusOfPerson(tx, { owner, clientId, grantHash, now, kept: limit - 1 })).map((row) => row.grantHash);
}

/** Moves grants to the new hash of their session. @returns the hashes of the grants */
export async function moveGrantsToSession(tx: Unit, sessionHash: string, newHash: string): Promise<string[]> {
  const g = tx.t.grants;
  const moved = await tx.db
    .update(g)
    .set({ sessionHash: newHash })
    .where(eq(g.sessionHash, sessionHash))
    .returning({ grantHash: g.grantHash });
  return moved.map(({ grantHash }) => grantHash);
}

/** The grants that fall when a guardianship, a membership or an enrolment ends. */
export async function grantsOnBasis(u: Unit, basisId: string): Promise<GrantRow[]> {
  const g = u.t.grants;
  return u.db.select().from(g).where(eq(g.basisId, basisId)).orderBy(g.createdAt, g.grantHash);
}

/** The live grants that rest on any of these; keep the list below what a statement takes. */
export async function liveGrantsOnBases(u: Unit, basisIds: readonly string[], now: number): Promise<GrantRow[]> {
  const g = u.t.grants;
  if (basisIds.length === 0) return [];
  return u.db
    .select()
    .from(g)
    .where(and(inArray(g.basisId, [...basisIds]), gt(g.expiresAt, now)));
}

/** The live grants of those who act for any of these children; keep the list below what a statement takes. */
export async function liveGrantsForChildren(u: Unit, childIds: readonly string[], now: number): Promise<GrantRow[]> {
  const g = u.t.grants;
  if (childIds.length === 0) return [];
  return u.db
    .select()
    .from(g)
    .where(and(inArray(g.childId, [...childIds]), gt(g.expiresAt, now)));
}

/** The same identity rests on something else from now on. */
export async function moveGrant(u: Unit, grantHash: string, basisId: string): Promise<void> {
  const g = u.t.grants;
  await u.db.update(g).set({ basisId }).where(eq(g.grantHash, grantHash));
}

/** The identity that was chosen for a grant; undefined when it is about none. */
export function heldContext(
  grant: Pick<GrantRow, 'role' | 'childId' | 'schoolCode'>,
): Pick<ActingContext, 'role' | 'childId' | 'schoolCode'> | undefined {
  if (grant.role === null) return undefined;
  return { role: grant.role, childId: grant.childId ?? undefined, schoolCode: grant.schoolCode ?? undefined };
}

/**
 * Ends grants with every code and token under them, in a few statements for any number of grants. Every transaction that ends a grant
 * calls this, and takes the rows of the grants first: two transactions with different orders would deadlock on PostgreSQL.
 *
 * @returns whose grants they were, without those that another transaction has ended
 */
export async function endGrants(
  tx: Unit,
  grantHashes: readonly string[],
): Promise<Pick<GrantRow, 'personId' | 'clientId'>[]> {
  const g = tx.t.grants;
  const ended: Pick<GrantRow, 'personId' | 'clientId'>[] = [];
  for (const part of chunksOf(grantHashes)) {
    const found = inArray(g.grantHash, part);
    ended.push(...(await tx.db.delete(g).where(found).returning({ personId: g.personId, clientId: g.clientId })));
    await destroyByGrants(tx, part);
    // No tombstones: the request that creates a grant saves it, and no later one. A browser could pile them up.
    await deleteRecords(tx, 'Grant', part);
  }
  return ended;
}

export async function endGrant(
  tx: Unit,
  grantHash: string,
): Promise<Pick<GrantRow, 'personId' | 'clientId'> | undefined> {
  return (await endGrants(tx, [grantHash]))[0];
}

/** Removes up to `limit` expired grants. @returns how many */
export async function purgeGrants(u: Unit, now: number, limit: number): Promise<number> {
  const g = u.t.grants;
  const expired = u.db
    .select({ grantHash: g.grantHash })
    .from(g)
    .where(lte(g.expiresAt, now))
    .orderBy(g.expiresAt)
    .limit(limit);
  const rows = await u.db
    .delete(g)
    .where(inArray(g.grantHash, unlockedRows(u, expired)))
    .returning({ grantHash: g.grantHash });
  return rows.length;
}

/** Deletes up to `limit` grants of anybody. @returns how many */
export async function deleteAnyGrants(tx: Unit, limit: number): Promise<number> {
  const g = tx.t.grants;
  const some = tx.db.select({ grantHash: g.grantHash }).from(g).limit(limit);
  return (await tx.db.delete(g).where(inArray(g.grantHash, some)).returning({ grantHash: g.grantHash })).length;
}

/** What this person chose at this client last time; a preselection, never a right. */
export async function lastContext(u: Unit, personId: string, clientId: string): Promise<LastContext | undefined> {
  const l = u.t.lastContexts;
  const [row] = await u.db
    .select({ role: l.role, schoolCode: l.schoolCode, childId: l.childId })
    .from(l)
    .where(and(eq(l.personId, personId), eq(l.clientId, clientId)));
  return row;
}

const putLast = statement(
  ({ db, t: { lastContexts: l } }, p: Param<LastContext & { personId: string; clientId: string }>) =>
    db
      .insert(l)
      .values({
        personId: p('personId'),
        clientId: p('clientId'),
        role: p('role'),
        schoolCode: p('schoolCode'),
        childId: p('childId'),
      })
      .onConflictDoUpdate({
        target: [l.personId, l.clientId],
        set: { role: sql`excluded.role`, schoolCode: sql`excluded.school_code`, childId: sql`excluded.child_id` },
      }),
);

export async function putLastContext(u: Unit, personId: string, clientId: string, context: LastContext): Promise<void> {
  await putLast(u, { ...context, personId, clientId });
}
