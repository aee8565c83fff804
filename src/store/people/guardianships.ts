import { and, eq, lt } from 'drizzle-orm';

import type { GuardianshipState } from '../../domain/model.ts';
import { ConflictError, type Unit } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type GuardianshipRow = Tables['guardianships']['$inferSelect'];
export type NewGuardianship = Tables['guardianships']['$inferInsert'];

/** @throws {ConflictError} `guardianship` when these two are tied already, in whatever state */
export async function insertGuardianship(u: Unit, guardianship: NewGuardianship): Promise<void> {
  const g = u.t.guardianships;
  const rows = await u.db
    .insert(g)
    .values(guardianship)
    .onConflictDoNothing({ target: [g.guardianId, g.studentId] })
    .returning({ id: g.id });
  if (rows.length === 0) throw new ConflictError('guardianship');
}

export async function guardianshipById(u: Unit, id: string): Promise<GuardianshipRow | undefined> {
  const g = u.t.guardianships;
  const [row] = await u.db.select().from(g).where(eq(g.id, id));
  return row;
}

/**
 * Moves a guardianship on; which moves are allowed is domain/guardianship.ts.
 * @param reasonSealed sealed to this row; no relying party ever sees it (docs/claims.md, rule 5)
 * @returns false when it is not in the state `from` any more: somebody else was faster
 */
export async function setGuardianshipState(
  u: Unit,
  id: string,
  from: GuardianshipState,
  to: GuardianshipState,
  reasonSealed: string | undefined,
  now: number,
): Promise<boolean> {
  const g = u.t.guardianships;
  const rows = await u.db
    .update(g)
    .set({ state: to, stateReasonSealed: reasonSealed ?? null, updatedAt: now })
    .where(and(eq(g.id, id), eq(g.state, from)))
    .returning({ id: g.id });
  return rows.length > 0;
}

/** Up to `limit` active guardianships whose last day was before `day` (`2026-11-23`), earliest first. */
export async function guardianshipsEndingBefore(u: Unit, day: string, limit: number): Promise<GuardianshipRow[]> {
  const g = u.t.guardianships;
  return u.db
    .select()
    .from(g)
    .where(and(eq(g.state, 'active'), lt(g.validTo, day)))
    .orderBy(g.validTo, g.id)
    .limit(limit);
}
