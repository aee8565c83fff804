import { and, eq, lt } from 'drizzle-orm';

import type { GuardianshipState } from '../../domain/model.ts';
import { ConflictError, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type GuardianshipRow = Tables['guardianships']['$inferSelect'];
export type NewGuardianship = Tables['guardianships']['$inferInsert'];

/** @throws {ConflictError} `guardianship` when these two are tied already, in whatever state */
export async function insertGuardianship(tx: Transaction, guardianship: NewGuardianship): Promise<void> {
  const guardianships = tx.tables.guardianships;
  const rows = await tx.db
    .insert(guardianships)
    .values(guardianship)
    .onConflictDoNothing({ target: [guardianships.guardianId, guardianships.studentId] })
    .returning({ id: guardianships.id });
  if (rows.length === 0) throw new ConflictError('guardianship');
}

export async function findGuardianship(tx: Transaction, id: string): Promise<GuardianshipRow | undefined> {
  const guardianships = tx.tables.guardianships;
  const [row] = await tx.db.select().from(guardianships).where(eq(guardianships.id, id));
  return row;
}

/**
 * Moves a guardianship on; which moves are allowed is domain/guardianship.ts.
 * @param reasonSealed sealed to this row; no relying party ever sees it (docs/claims.md, rule 5)
 * @returns false when it is not in the state `from` any more: somebody else was faster
 */
export async function updateGuardianshipState(
  tx: Transaction,
  id: string,
  from: GuardianshipState,
  to: GuardianshipState,
  reasonSealed: string | undefined,
  now: number,
): Promise<boolean> {
  const guardianships = tx.tables.guardianships;
  const rows = await tx.db
    .update(guardianships)
    .set({ state: to, stateReasonSealed: reasonSealed ?? null, updatedAt: now })
    .where(and(eq(guardianships.id, id), eq(guardianships.state, from)))
    .returning({ id: guardianships.id });
  return rows.length > 0;
}

/** Up to `limit` active guardianships whose last day was before `day` (`2026-11-23`), earliest first. */
export async function listGuardianshipsEndingBefore(
  tx: Transaction,
  day: string,
  limit: number,
): Promise<GuardianshipRow[]> {
  const guardianships = tx.tables.guardianships;
  return tx.db
    .select()
    .from(guardianships)
    .where(and(eq(guardianships.state, 'active'), lt(guardianships.validTo, day)))
    .orderBy(guardianships.validTo, guardianships.id)
    .limit(limit);
}
