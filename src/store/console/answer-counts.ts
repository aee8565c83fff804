import { asc, eq, gt, sql } from 'drizzle-orm';
import { NO_ANSWERS, type AnswerCounts } from '../../domain/binding/answers.ts';
import type { School } from '../../domain/model.ts';
import type { Transaction } from '../database/index.ts';
import { schoolColumns } from '../people/schools.ts';

/** The stored numbers of a school. */
export interface SchoolAnswers extends School {
  district: string;
  counts: AnswerCounts;
  /** ms since 1970 */
  countedAt: number;
}

/** Lists the stored numbers of all schools that were counted, in the order of the codes. */
export function listSchoolAnswers(tx: Transaction): Promise<SchoolAnswers[]> {
  const { answerCounts, schools } = tx.tables;
  const { bound, waiting, returned, refused, none, countedAt } = answerCounts;
  return tx.db
    .select({
      ...schoolColumns(schools),
      district: schools.district,
      counts: { bound, waiting, returned, refused, none },
      countedAt,
    })
    .from(answerCounts)
    .innerJoin(schools, eq(schools.code, answerCounts.schoolCode))
    .where(gt(answerCounts.countedAt, 0))
    .orderBy(asc(schools.code));
}

/** Lists the codes of the schools that were counted after an instant. */
export async function listCountedSchools(tx: Transaction, after: number): Promise<string[]> {
  const { answerCounts } = tx.tables;
  const rows = await tx.db
    .select({ code: answerCounts.schoolCode })
    .from(answerCounts)
    .where(gt(answerCounts.countedAt, after));
  return rows.map(({ code }) => code);
}

/**
 * Leases the count of a school, so that one node counts it. After a crash, another node counts it when the lease has ended.
 *
 * @param before the school is due if its last count began before
 * @returns false if it is not due, or another node counts it
 */
export async function leaseSchoolCount(
  tx: Transaction,
  schoolCode: string,
  { now, before, leasedUntil }: { now: number; before: number; leasedUntil: number },
): Promise<boolean> {
  const { answerCounts } = tx.tables;
  const rows = await tx.db
    .insert(answerCounts)
    .values({ schoolCode, ...NO_ANSWERS, countedAt: 0, leasedUntil })
    .onConflictDoUpdate({
      target: answerCounts.schoolCode,
      set: { leasedUntil },
      setWhere: sql`${answerCounts.countedAt} <= ${before}
        and (${answerCounts.leasedUntil} is null or ${answerCounts.leasedUntil} <= ${now})`,
    })
    .returning({ schoolCode: answerCounts.schoolCode });
  return rows.length > 0;
}

/** Stores the numbers of a leased school and ends the lease. */
export async function updateSchoolAnswers(
  tx: Transaction,
  schoolCode: string,
  counts: AnswerCounts,
  countedAt: number,
): Promise<void> {
  const { answerCounts } = tx.tables;
  await tx.db
    .update(answerCounts)
    .set({ ...counts, countedAt, leasedUntil: null })
    .where(eq(answerCounts.schoolCode, schoolCode));
}
