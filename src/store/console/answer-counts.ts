import { asc, eq, gt } from 'drizzle-orm';
import type { AnswerCounts } from '../../domain/binding/answers.ts';
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

/** Lists the stored numbers of all schools, in the order of the codes. */
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

export async function upsertSchoolAnswers(
  tx: Transaction,
  schoolCode: string,
  counts: AnswerCounts,
  countedAt: number,
): Promise<void> {
  const { answerCounts } = tx.tables;
  const set = { ...counts, countedAt };
  await tx.db
    .insert(answerCounts)
    .values({ schoolCode, ...set })
    .onConflictDoUpdate({ target: answerCounts.schoolCode, set });
}
