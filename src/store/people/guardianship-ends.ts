import { and, asc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import type { RequestSearch } from '../console/request-search.ts';
import type { Transaction } from '../database/index.ts';

/** Stores that a guardian asks to end a guardianship. @returns false if it has ended, or was asked before */
export async function requestEnd(tx: Transaction, id: string, sealed: string, now: number): Promise<boolean> {
  const { guardianships } = tx.tables;
  const rows = await tx.db
    .update(guardianships)
    .set({ endRequestedAt: now, endRequestSealed: sealed })
    .where(
      and(
        eq(guardianships.id, id),
        isNull(guardianships.endRequestedAt),
        inArray(guardianships.state, ['active', 'suspended']),
      ),
    )
    .returning({ id: guardianships.id });
  return rows.length > 0;
}

/** Deletes a request after the guardian withdrew it or the school declined it. @returns false if there is none */
export async function clearEndRequest(tx: Transaction, id: string): Promise<boolean> {
  const { guardianships } = tx.tables;
  const rows = await tx.db
    .update(guardianships)
    .set({ endRequestedAt: null, endRequestSealed: null })
    .where(and(eq(guardianships.id, id), isNotNull(guardianships.endRequestedAt)))
    .returning({ id: guardianships.id });
  return rows.length > 0;
}

export interface EndRequestRow {
  id: string;
  guardianId: string;
  studentId: string;
  endRequestedAt: number;
  endRequestSealed: string | null;
}

/** Lists open requests, the oldest first. `schoolCodes` are schools that the student has been enrolled at. */
export async function listEndRequests(
  tx: Transaction,
  { schoolCodes, after, limit }: RequestSearch,
): Promise<EndRequestRow[]> {
  const { guardianships, enrollments } = tx.tables;
  const isEnrolled =
    schoolCodes &&
    sql`exists ${tx.db
      .select({ one: sql`1` })
      .from(enrollments)
      .where(
        and(eq(enrollments.studentId, guardianships.studentId), inArray(enrollments.schoolCode, [...schoolCodes])),
      )}`;
  const rows = await tx.db
    .select({
      id: guardianships.id,
      guardianId: guardianships.guardianId,
      studentId: guardianships.studentId,
      endRequestedAt: guardianships.endRequestedAt,
      endRequestSealed: guardianships.endRequestSealed,
    })
    .from(guardianships)
    .where(
      and(
        isNotNull(guardianships.endRequestedAt),
        isEnrolled,
        after && sql`(${guardianships.endRequestedAt}, ${guardianships.id}) > (${after.at}, ${after.id})`,
      ),
    )
    .orderBy(asc(guardianships.endRequestedAt), asc(guardianships.id))
    .limit(limit);
  return rows.flatMap(({ endRequestedAt, ...row }) => (endRequestedAt === null ? [] : { ...row, endRequestedAt }));
}
