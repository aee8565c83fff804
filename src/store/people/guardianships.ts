import { and, eq, inArray, lt } from 'drizzle-orm';

import type { GuardianshipState } from '../../domain/model.ts';
import { ConflictError, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type GuardianshipRow = Tables['guardianships']['$inferSelect'];
export type NewGuardianship = Tables['guardianships']['$inferInsert'];

/** @throws {ConflictError} `guardianship` when the two people have a guardianship in any state */
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

/** Deletes a guardianship that was revoked or has expired, so that the two people can have a new one. */
export async function deleteEndedGuardianship(tx: Transaction, guardianId: string, studentId: string): Promise<void> {
  const guardianships = tx.tables.guardianships;
  await tx.db
    .delete(guardianships)
    .where(
      and(
        eq(guardianships.guardianId, guardianId),
        eq(guardianships.studentId, studentId),
        inArray(guardianships.state, ['revoked', 'expired']),
      ),
    );
}

/**
 * Updates the state of a guardianship. domain/acting/guardianship.ts decides which transitions are allowed.
 *
 * @param reasonSealed sealed to this row; no relying party sees it (docs/claims.md, rule 5)
 * @returns false when the state is no longer `from`, because a concurrent transaction has updated it
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
  const hasEnded = to === 'revoked' || to === 'expired';
  const rows = await tx.db
    .update(guardianships)
    .set({
      ...{ state: to, stateReasonSealed: reasonSealed ?? null, updatedAt: now },
      // A request to end it is done.
      ...(hasEnded ? { endRequestedAt: null, endRequestSealed: null } : {}),
    })
    .where(and(eq(guardianships.id, id), eq(guardianships.state, from)))
    .returning({ id: guardianships.id });
  return rows.length > 0;
}

/** Lists up to `limit` guardianships that have not ended and whose last day was before `day` (`2026-11-23`), earliest first. */
export async function listGuardianshipsEndingBefore(
  tx: Transaction,
  day: string,
  limit: number,
): Promise<GuardianshipRow[]> {
  const guardianships = tx.tables.guardianships;
  return tx.db
    .select()
    .from(guardianships)
    .where(and(inArray(guardianships.state, ['active', 'suspended']), lt(guardianships.validTo, day)))
    .orderBy(guardianships.validTo, guardianships.id)
    .limit(limit);
}

/** Stores the decision of the adult student, or that it is awaited. @returns false when a concurrent transaction has updated the guardianship */
export async function updateConsent(
  tx: Transaction,
  from: Pick<GuardianshipRow, 'id' | 'state' | 'isConsentAwaited'>,
  to: Pick<GuardianshipRow, 'state' | 'isConsentAwaited' | 'stateReasonSealed' | 'consentDeclinedAt'>,
  now: number,
): Promise<boolean> {
  const { guardianships } = tx.tables;
  const rows = await tx.db
    .update(guardianships)
    .set({ ...to, updatedAt: now })
    .where(
      and(
        eq(guardianships.id, from.id),
        eq(guardianships.state, from.state),
        eq(guardianships.isConsentAwaited, from.isConsentAwaited),
      ),
    )
    .returning({ id: guardianships.id });
  return rows.length > 0;
}

/** Lists the guardianships of a student in any state, the oldest first. */
export function listGuardianshipsOfStudent(tx: Transaction, studentId: string): Promise<GuardianshipRow[]> {
  const { guardianships } = tx.tables;
  return tx.db
    .select()
    .from(guardianships)
    .where(eq(guardianships.studentId, studentId))
    .orderBy(guardianships.createdAt, guardianships.id);
}
