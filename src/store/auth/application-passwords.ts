import { and, asc, eq, isNull, lt, or } from 'drizzle-orm';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type ApplicationPasswordRow = Tables['applicationPasswords']['$inferSelect'];

/** Lists the application passwords of a person, oldest first. */
export function listApplicationPasswords(tx: Transaction, personId: string): Promise<ApplicationPasswordRow[]> {
  const { applicationPasswords } = tx.tables;
  return tx.db
    .select()
    .from(applicationPasswords)
    .where(eq(applicationPasswords.personId, personId))
    .orderBy(asc(applicationPasswords.createdAt), asc(applicationPasswords.id));
}

const bySecret = preparedStatement(({ db, tables: { applicationPasswords } }, param: Param<{ secretHash: string }>) =>
  db
    .select()
    .from(applicationPasswords)
    .where(eq(applicationPasswords.secretHash, param('secretHash'))),
);

/** Finds an application password by the hash of its secret. */
export async function findApplicationPassword(
  tx: Transaction,
  secretHash: string,
): Promise<ApplicationPasswordRow | undefined> {
  const [row] = await bySecret(tx, { secretHash });
  return row;
}

/** Returns true if the person still has this application password. */
export async function hasApplicationPassword(tx: Transaction, personId: string, id: string): Promise<boolean> {
  const { applicationPasswords } = tx.tables;
  const rows = await tx.db
    .select({ id: applicationPasswords.id })
    .from(applicationPasswords)
    .where(and(eq(applicationPasswords.id, id), eq(applicationPasswords.personId, personId)));
  return rows.length > 0;
}

/** Inserts an application password. @returns false if the id exists already */
export async function insertApplicationPassword(
  tx: Transaction,
  row: Tables['applicationPasswords']['$inferInsert'],
): Promise<boolean> {
  const { applicationPasswords } = tx.tables;
  const rows = await tx.db
    .insert(applicationPasswords)
    .values(row)
    .onConflictDoNothing({ target: applicationPasswords.id })
    .returning({ id: applicationPasswords.id });
  return rows.length > 0;
}

/** Replaces the secret of an application password that was not used yet. @returns false if there is none */
export async function replaceUnusedSecret(
  tx: Transaction,
  { id, personId, clientId, secretHash }: Pick<ApplicationPasswordRow, 'id' | 'personId' | 'clientId' | 'secretHash'>,
): Promise<boolean> {
  const { applicationPasswords } = tx.tables;
  const isSame = and(
    ...[eq(applicationPasswords.id, id), eq(applicationPasswords.personId, personId)],
    ...[eq(applicationPasswords.clientId, clientId), isNull(applicationPasswords.lastUsedAt)],
  );
  const rows = await tx.db
    .update(applicationPasswords)
    .set({ secretHash })
    .where(isSame)
    .returning({ id: applicationPasswords.id });
  return rows.length > 0;
}

/** Records the time of a use. @returns false if the stored time is not before `before`, or the password was revoked */
export async function updateLastUse(
  tx: Transaction,
  id: string,
  { now, before }: { now: number; before: number },
): Promise<boolean> {
  const { applicationPasswords } = tx.tables;
  const isOld = or(isNull(applicationPasswords.lastUsedAt), lt(applicationPasswords.lastUsedAt, before));
  const rows = await tx.db
    .update(applicationPasswords)
    .set({ lastUsedAt: now })
    .where(and(eq(applicationPasswords.id, id), isOld))
    .returning({ id: applicationPasswords.id });
  return rows.length > 0;
}

/** Deletes one application password of a person. @returns the deleted row */
export async function deleteApplicationPassword(
  tx: Transaction,
  personId: string,
  id: string,
): Promise<ApplicationPasswordRow | undefined> {
  const { applicationPasswords } = tx.tables;
  const [row] = await tx.db
    .delete(applicationPasswords)
    .where(and(eq(applicationPasswords.personId, personId), eq(applicationPasswords.id, id)))
    .returning();
  return row;
}

/** Deletes all application passwords of a person. */
export async function deleteApplicationPasswords(tx: Transaction, personId: string): Promise<void> {
  const { applicationPasswords } = tx.tables;
  await tx.db.delete(applicationPasswords).where(eq(applicationPasswords.personId, personId));
}

/** Deletes the application passwords of all people. */
export async function deleteAllApplicationPasswords(tx: Transaction): Promise<void> {
  await tx.db.delete(tx.tables.applicationPasswords);
}
