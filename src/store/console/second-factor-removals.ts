import { asc, eq, lte } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

type SecondFactorRemovalRow = Tables['secondFactorRemovals']['$inferSelect'];

export async function upsertRemoval(tx: Transaction, removal: SecondFactorRemovalRow): Promise<void> {
  const { secondFactorRemovals } = tx.tables;
  await tx.db
    .insert(secondFactorRemovals)
    .values(removal)
    .onConflictDoUpdate({ target: secondFactorRemovals.personId, set: removal });
}

export async function findRemoval(tx: Transaction, personId: string): Promise<SecondFactorRemovalRow | undefined> {
  const { secondFactorRemovals } = tx.tables;
  const [row] = await tx.db.select().from(secondFactorRemovals).where(eq(secondFactorRemovals.personId, personId));
  return row;
}

/** Deletes a removal. @returns the deleted row; undefined if there is none */
export async function deleteRemoval(tx: Transaction, personId: string): Promise<SecondFactorRemovalRow | undefined> {
  const { secondFactorRemovals } = tx.tables;
  const [row] = await tx.db.delete(secondFactorRemovals).where(eq(secondFactorRemovals.personId, personId)).returning();
  return row;
}

/** Lists up to `limit` removals that are due at `now` (ms), the oldest first. */
export function listDueRemovals(tx: Transaction, now: number, limit: number): Promise<SecondFactorRemovalRow[]> {
  const { secondFactorRemovals } = tx.tables;
  return tx.db
    .select()
    .from(secondFactorRemovals)
    .where(lte(secondFactorRemovals.executesAt, now))
    .orderBy(asc(secondFactorRemovals.executesAt))
    .limit(limit);
}
