import { eq } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';

/** The student of a school account, at the school of the account. */
export interface FamilyRow {
  studentId: string;
  schoolCode: string;
}

/** Finds the student of a school account; undefined for other accounts. */
export async function findFamily(tx: Transaction, accountId: string): Promise<FamilyRow | undefined> {
  const { schoolAccounts } = tx.tables;
  const [row] = await tx.db
    .select({ studentId: schoolAccounts.studentId, schoolCode: schoolAccounts.schoolCode })
    .from(schoolAccounts)
    .where(eq(schoolAccounts.personId, accountId));
  return row;
}
