import { and, eq, gt, inArray, lte, sql } from 'drizzle-orm';

import type { ActingContext } from '../../domain/model.ts';
import { chunksOf, unlockedRows } from '../database/bulk-insert.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';
import { deleteRecords, destroyByGrants } from './record-revocation.ts';
import { foundColumns, type FoundRecord } from './records.ts';

/** A grant with the context that the person selected. `scopes` is a space-separated list, as in the protocol. */
export type GrantRow = Tables['grants']['$inferSelect'];
export type NewGrant = Tables['grants']['$inferInsert'];

const insert = preparedStatement(({ db, tables }, param: Param<GrantRow>) =>
  db.insert(tables.grants).values({
    grantHash: param('grantHash'),
    personId: param('personId'),
    clientId: param('clientId'),
    sessionHash: param('sessionHash'),
    role: param('role'),
    schoolCode: param('schoolCode'),
    childId: param('childId'),
    basisId: param('basisId'),
    scopes: param('scopes'),
    createdAt: param('createdAt'),
    expiresAt: param('expiresAt'),
  }),
);

export async function insertGrant(tx: Transaction, grant: NewGrant): Promise<void> {
  const { role = null, schoolCode = null, childId = null, basisId = null } = grant;
  await insert(tx, { ...grant, role, schoolCode, childId, basisId });
}

/** A grant with the session that created it and the provider's record of it. */
export interface GrantWithSession {
  grant: Pick<GrantRow, 'personId' | 'clientId' | 'role' | 'schoolCode' | 'childId' | 'scopes'>;
  /** Null when the session was purged. */
  session: Pick<Tables['sessions']['$inferSelect'], 'expiresAt' | 'endedAt'> | null;
  /** Null when it was destroyed. */
  record: FoundRecord | null;
}

const grantWithSession = preparedStatement(
  ({ db, tables: { grants, sessions, oidcRecords } }, param: Param<{ grantHash: string }>) =>
    db
      .select({
        grant: {
          personId: grants.personId,
          clientId: grants.clientId,
          role: grants.role,
          schoolCode: grants.schoolCode,
          childId: grants.childId,
          scopes: grants.scopes,
        },
        // Drizzle takes a null in the first column for a missing join, so the first column must not be nullable.
        session: { expiresAt: sessions.expiresAt, endedAt: sessions.endedAt },
        record: foundColumns(oidcRecords),
      })
      .from(grants)
      .leftJoin(sessions, eq(sessions.sessionHash, grants.sessionHash))
      .leftJoin(
        oidcRecords,
        and(eq(oidcRecords.model, 'Grant'), eq(oidcRecords.idHash, grants.grantHash), eq(oidcRecords.destroyed, false)),
      )
      .where(eq(grants.grantHash, param('grantHash'))),
);

export async function findGrantWithSession(tx: Transaction, grantHash: string): Promise<GrantWithSession | undefined> {
  const [row] = await grantWithSession(tx, { grantHash });
  return row;
}

/** Locks a grant against revocation until the transaction ends. @returns false when it is revoked */
export async function lockGrantShared(tx: Transaction, grantHash: string): Promise<boolean> {
  const grants = tx.tables.grants;
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for share' : '');
  const rows = await tx.db
    .select({ hash: grants.grantHash })
    .from(grants)
    .where(sql`${eq(grants.grantHash, grantHash)} ${lock}`);
  return rows.length > 0;
}

/** Lists the grants of a person, including expired ones that are not purged yet. `listActiveGrantsByPerson` leaves those out. */
export async function listGrantsByPerson(tx: Transaction, personId: string): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  return tx.db.select().from(grants).where(eq(grants.personId, personId)).orderBy(grants.createdAt, grants.grantHash);
}

export async function listActiveGrantsByPerson(tx: Transaction, personId: string, now: number): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  return tx.db
    .select()
    .from(grants)
    .where(and(eq(grants.personId, personId), gt(grants.expiresAt, now)))
    .orderBy(grants.createdAt, grants.grantHash);
}

export async function listGrantsBySessions(tx: Transaction, sessionHashes: readonly string[]): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  const found: GrantRow[] = [];
  for (const part of chunksOf(sessionHashes)) {
    found.push(...(await tx.db.select().from(grants).where(inArray(grants.sessionHash, part))));
  }
  return found;
}

/** Moves grants to the new hash of their session. @returns the hashes of the grants */
export async function updateGrantsSession(tx: Transaction, sessionHash: string, newHash: string): Promise<string[]> {
  const grants = tx.tables.grants;
  const moved = await tx.db
    .update(grants)
    .set({ sessionHash: newHash })
    .where(eq(grants.sessionHash, sessionHash))
    .returning({ grantHash: grants.grantHash });
  return moved.map(({ grantHash }) => grantHash);
}

/** Lists the grants that depend on a guardianship, a membership or an enrollment. */
export async function listGrantsByBasis(tx: Transaction, basisId: string): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  return tx.db.select().from(grants).where(eq(grants.basisId, basisId)).orderBy(grants.createdAt, grants.grantHash);
}

/** Lists the active grants that depend on any of these. The list must fit into one statement. */
export async function listActiveGrantsByBases(
  tx: Transaction,
  basisIds: readonly string[],
  now: number,
): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  if (basisIds.length === 0) return [];
  return tx.db
    .select()
    .from(grants)
    .where(and(inArray(grants.basisId, [...basisIds]), gt(grants.expiresAt, now)));
}

/** Lists the active grants of people who act for any of these children. The list must fit into one statement. */
export async function listActiveGrantsByChildren(
  tx: Transaction,
  childIds: readonly string[],
  now: number,
): Promise<GrantRow[]> {
  const grants = tx.tables.grants;
  if (childIds.length === 0) return [];
  return tx.db
    .select()
    .from(grants)
    .where(and(inArray(grants.childId, [...childIds]), gt(grants.expiresAt, now)));
}

/** Updates what a grant depends on; its context stays the same. */
export async function updateGrantBasis(tx: Transaction, grantHash: string, basisId: string): Promise<void> {
  const grants = tx.tables.grants;
  await tx.db.update(grants).set({ basisId }).where(eq(grants.grantHash, grantHash));
}

/** Returns the context of a grant, or `undefined` when it has none. */
export function grantedContext(
  grant: Pick<GrantRow, 'role' | 'childId' | 'schoolCode'>,
): Pick<ActingContext, 'role' | 'childId' | 'schoolCode'> | undefined {
  if (grant.role === null) return undefined;
  return { role: grant.role, childId: grant.childId ?? undefined, schoolCode: grant.schoolCode ?? undefined };
}

/**
 * Revokes grants with their codes and tokens, in a few statements for any number of grants. Every transaction that revokes a grant calls
 * this. It locks the rows of the grants first, because different orders would deadlock on PostgreSQL.
 *
 * @returns person and client of each grant, without grants that another transaction has revoked
 */
export async function revokeGrants(
  tx: Transaction,
  grantHashes: readonly string[],
): Promise<Pick<GrantRow, 'personId' | 'clientId'>[]> {
  const grants = tx.tables.grants;
  const revoked: Pick<GrantRow, 'personId' | 'clientId'>[] = [];
  for (const part of chunksOf(grantHashes)) {
    const found = inArray(grants.grantHash, part);
    revoked.push(
      ...(await tx.db.delete(grants).where(found).returning({ personId: grants.personId, clientId: grants.clientId })),
    );
    await destroyByGrants(tx, part);
    // Needs no tombstones, because only the request that creates a grant saves it. A browser could accumulate tombstones.
    await deleteRecords(tx, 'Grant', part);
  }
  return revoked;
}

export async function revokeGrant(
  tx: Transaction,
  grantHash: string,
): Promise<Pick<GrantRow, 'personId' | 'clientId'> | undefined> {
  return (await revokeGrants(tx, [grantHash]))[0];
}

/** Deletes up to `limit` expired grants. @returns the number of deleted grants */
export async function purgeGrants(tx: Transaction, now: number, limit: number): Promise<number> {
  const grants = tx.tables.grants;
  const expired = tx.db
    .select({ grantHash: grants.grantHash })
    .from(grants)
    .where(lte(grants.expiresAt, now))
    .orderBy(grants.expiresAt)
    .limit(limit);
  const rows = await tx.db
    .delete(grants)
    .where(inArray(grants.grantHash, unlockedRows(tx, expired)))
    .returning({ grantHash: grants.grantHash });
  return rows.length;
}

/**
 * Reads up to `limit` grants in the order of their hashes. Grants have no index by client, because each sign-in would pay for it.
 *
 * @returns the grants of the client among them, and the cursor for the next call; `undefined` at the end
 */
export async function listGrantsOfClientAfter(
  tx: Transaction,
  clientId: string,
  afterHash: string,
  limit: number,
): Promise<{ found: Pick<GrantRow, 'grantHash' | 'personId'>[]; next: string | undefined }> {
  const grants = tx.tables.grants;
  const rows = await tx.db
    .select({ grantHash: grants.grantHash, personId: grants.personId, clientId: grants.clientId })
    .from(grants)
    .where(gt(grants.grantHash, afterHash))
    .orderBy(grants.grantHash)
    .limit(limit);
  return {
    found: rows.filter((row) => row.clientId === clientId),
    next: rows.length < limit ? undefined : rows.at(-1)?.grantHash,
  };
}

/** Deletes up to `limit` grants of any people. @returns the number of deleted grants */
export async function deleteAnyGrants(tx: Transaction, limit: number): Promise<number> {
  const grants = tx.tables.grants;
  const some = tx.db.select({ grantHash: grants.grantHash }).from(grants).limit(limit);
  return (await tx.db.delete(grants).where(inArray(grants.grantHash, some)).returning({ grantHash: grants.grantHash }))
    .length;
}
