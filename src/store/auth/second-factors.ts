import { and, asc, count, eq, gte, lt, or } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type { SecondFactorKind } from '../schema/credentials.ts';
export type SecondFactorRow = Tables['secondFactors']['$inferSelect'];

const byPerson = preparedStatement(({ db, tables: { secondFactors } }, param: Param<{ personId: string }>) =>
  db
    .select()
    .from(secondFactors)
    .where(eq(secondFactors.personId, param('personId')))
    .orderBy(asc(secondFactors.createdAt), asc(secondFactors.id)),
);

/** Lists the second factors of a person, oldest first. */
export async function listSecondFactors(tx: Transaction, personId: string): Promise<SecondFactorRow[]> {
  return byPerson(tx, { personId });
}

/** Finds a passkey by its credential id. */
export async function findPasskey(tx: Transaction, credentialId: string): Promise<SecondFactorRow | undefined> {
  const { secondFactors } = tx.tables;
  const [row] = await tx.db.select().from(secondFactors).where(eq(secondFactors.credentialId, credentialId));
  return row;
}

/**
 * Records the use of a passkey. A signature counter that does not grow means a copy of the key (Web Authentication Level 3, section 6.1.1).
 * Synchronized passkeys have no counter; it is always 0.
 *
 * @returns false if the passkey was removed, or the counter did not grow
 */
export async function usePasskey(tx: Transaction, id: string, counter: number, now: number): Promise<boolean> {
  const { secondFactors } = tx.tables;
  const isGrowing = lt(secondFactors.counter, counter);
  const isAllowed = counter === 0 ? or(isGrowing, eq(secondFactors.counter, 0)) : isGrowing;
  const rows = await tx.db
    .update(secondFactors)
    .set({ counter, lastUsedAt: now })
    .where(and(eq(secondFactors.id, id), isAllowed))
    .returning({ id: secondFactors.id });
  return rows.length > 0;
}

/** Inserts a factor. @returns false if the id or the passkey exists already */
export async function insertSecondFactor(
  tx: Transaction,
  factor: Tables['secondFactors']['$inferInsert'],
): Promise<boolean> {
  const { secondFactors } = tx.tables;
  const rows = await tx.db
    .insert(secondFactors)
    .values(factor)
    .onConflictDoNothing()
    .returning({ id: secondFactors.id });
  return rows.length > 0;
}

/** Records the use of a factor. @returns false if `counter` is not above the stored one: the code was used already */
export async function advanceCounter(tx: Transaction, id: string, counter: number, now: number): Promise<boolean> {
  const { secondFactors } = tx.tables;
  const rows = await tx.db
    .update(secondFactors)
    .set({ counter, lastUsedAt: now })
    .where(and(eq(secondFactors.id, id), lt(secondFactors.counter, counter)))
    .returning({ id: secondFactors.id });
  return rows.length > 0;
}

/** Deletes one factor of a person. @returns the deleted row */
export async function deleteSecondFactor(
  tx: Transaction,
  personId: string,
  id: string,
): Promise<SecondFactorRow | undefined> {
  const { secondFactors } = tx.tables;
  const [row] = await tx.db
    .delete(secondFactors)
    .where(and(eq(secondFactors.personId, personId), eq(secondFactors.id, id)))
    .returning();
  return row;
}

/** Deletes the unused recovery codes of a person. @param since deletes only codes of this time (ms since 1970) or later */
export async function deleteRecoveryCodes(tx: Transaction, personId: string, since = 0): Promise<void> {
  const { recoveryCodes } = tx.tables;
  await tx.db
    .delete(recoveryCodes)
    .where(and(eq(recoveryCodes.personId, personId), gte(recoveryCodes.createdAt, since)));
}

/** Replaces the recovery codes of a person; the earlier ones become invalid. */
export async function replaceRecoveryCodes(
  tx: Transaction,
  personId: string,
  codeHashes: readonly string[],
  now: number,
): Promise<void> {
  await deleteRecoveryCodes(tx, personId);
  const rows = codeHashes.map((codeHash) => ({ personId, codeHash, createdAt: now }));
  await tx.db.insert(tx.tables.recoveryCodes).values(rows);
}

/** Consumes a code. Of any number of concurrent callers one gets true. */
export async function consumeRecoveryCode(tx: Transaction, personId: string, codeHash: string): Promise<boolean> {
  const { recoveryCodes } = tx.tables;
  const rows = await tx.db
    .delete(recoveryCodes)
    .where(and(eq(recoveryCodes.personId, personId), eq(recoveryCodes.codeHash, codeHash)))
    .returning({ personId: recoveryCodes.personId });
  return rows.length > 0;
}

export async function countRecoveryCodes(tx: Transaction, personId: string): Promise<number> {
  const { recoveryCodes } = tx.tables;
  const [row] = await tx.db.select({ codes: count() }).from(recoveryCodes).where(eq(recoveryCodes.personId, personId));
  return row?.codes ?? 0;
}
