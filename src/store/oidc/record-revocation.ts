import { and, eq, gt, inArray, lte, sql, type SQL } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';
import { tombstone } from './records.ts';

/**
 * Destroys every code and token of some grants. The list must fit into one statement, here and below.
 *
 * @returns the number of destroyed records
 */
export async function destroyByGrants(tx: Transaction, grantHashes: readonly string[]): Promise<number> {
  return destroyWhere(tx, inArray(tx.tables.oidcRecords.grantHash, [...grantHashes]));
}

/** Destroys the records of a session, one for every id that it had. @returns their number */
export async function destroyByUid(tx: Transaction, model: string, uidHash: string): Promise<number> {
  return destroyByUids(tx, model, [uidHash]);
}

/** Destroys the records of several sessions. @returns their number */
export async function destroyByUids(tx: Transaction, model: string, uidHashes: readonly string[]): Promise<number> {
  const oidcRecords = tx.tables.oidcRecords;
  return destroyWhere(tx, and(eq(oidcRecords.model, model), inArray(oidcRecords.uidHash, [...uidHashes])));
}

/** Destroys the authorization codes and the approved device codes of these grants. */
export async function destroyCodes(tx: Transaction, grantHashes: readonly string[]): Promise<void> {
  const oidcRecords = tx.tables.oidcRecords;
  await destroyWhere(
    tx,
    and(
      inArray(oidcRecords.grantHash, [...grantHashes]),
      inArray(oidcRecords.model, ['AuthorizationCode', 'DeviceCode']),
    ),
  );
}

/** Destroys the pending interactions of a signed-in person: all, or those of one client. @returns their number */
export async function destroyInteractionsOf(tx: Transaction, personId: string, clientId?: string): Promise<number> {
  const oidcRecords = tx.tables.oidcRecords;
  const ofClient = clientId === undefined ? undefined : eq(oidcRecords.clientId, clientId);
  // A literal, because the planner cannot match a parameter with the condition of the partial index.
  return destroyWhere(tx, and(sql`model = 'Interaction'`, eq(oidcRecords.accountId, personId), ofClient));
}

/**
 * Destroys up to `limit` records of a model, in the order of their hashes.
 *
 * @returns the cursor for the next call; `undefined` at the end
 */
export async function destroyAfter(
  tx: Transaction,
  model: string,
  afterHash: string,
  limit: number,
): Promise<string | undefined> {
  const oidcRecords = tx.tables.oidcRecords;
  const rows = await tx.db
    .select({ idHash: oidcRecords.idHash })
    .from(oidcRecords)
    .where(and(eq(oidcRecords.model, model), gt(oidcRecords.idHash, afterHash)))
    .orderBy(oidcRecords.idHash)
    .limit(limit);
  const last = rows.at(-1)?.idHash;
  if (last === undefined) return undefined;
  await destroyWhere(
    tx,
    and(eq(oidcRecords.model, model), gt(oidcRecords.idHash, afterHash), lte(oidcRecords.idHash, last)),
  );
  return last;
}

/** Deletes records of a model that are saved only once and so need no tombstone. */
export async function deleteRecords(tx: Transaction, model: string, idHashes: readonly string[]): Promise<void> {
  const oidcRecords = tx.tables.oidcRecords;
  await tx.db.delete(oidcRecords).where(and(eq(oidcRecords.model, model), inArray(oidcRecords.idHash, [...idHashes])));
}

async function destroyWhere(tx: Transaction, where: SQL | undefined): Promise<number> {
  const oidcRecords = tx.tables.oidcRecords;
  const rows = await tx.db
    .update(oidcRecords)
    .set(tombstone(oidcRecords))
    .where(and(where, eq(oidcRecords.destroyed, false)))
    .returning({ idHash: oidcRecords.idHash });
  return rows.length;
}
