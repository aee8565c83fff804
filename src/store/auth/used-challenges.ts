import { inArray, lte } from 'drizzle-orm';
import { unlockedRows } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';

/** Marks a challenge of the human check as used. @returns false if it was used before: of concurrent callers one gets true */
export async function consumeChallenge(tx: Transaction, idHash: string, expiresAt: number): Promise<boolean> {
  const { usedChallenges } = tx.tables;
  const rows = await tx.db
    .insert(usedChallenges)
    .values({ idHash, expiresAt })
    .onConflictDoNothing({ target: usedChallenges.idHash })
    .returning({ idHash: usedChallenges.idHash });
  return rows.length > 0;
}

/** Deletes up to `limit` used challenges that have expired. @returns the number of deleted ones */
export async function purgeChallenges(tx: Transaction, now: number, limit: number): Promise<number> {
  const { usedChallenges } = tx.tables;
  const expired = tx.db
    .select({ idHash: usedChallenges.idHash })
    .from(usedChallenges)
    .where(lte(usedChallenges.expiresAt, now))
    .orderBy(usedChallenges.idHash)
    .limit(limit);
  const rows = await tx.db
    .delete(usedChallenges)
    .where(inArray(usedChallenges.idHash, unlockedRows(tx, expired)))
    .returning({ idHash: usedChallenges.idHash });
  return rows.length;
}
