import { eq } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';

/** Returns the pupil of a school account; undefined if the person is no school account. */
export async function findSchoolAccount(tx: Transaction, personId: string): Promise<string | undefined> {
  const { schoolAccounts } = tx.tables;
  const [row] = await tx.db
    .select({ studentId: schoolAccounts.studentId })
    .from(schoolAccounts)
    .where(eq(schoolAccounts.personId, personId));
  return row?.studentId;
}
