import { and, eq } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';

/** The login of the account of a family inside one school. */
export interface SchoolAccountLogin {
  schoolCode: string;
  /** `p11330003` */
  account: string;
}

/** Returns the login of a school account; undefined for other accounts. */
export async function findSchoolAccountLogin(
  tx: Transaction,
  personId: string,
): Promise<SchoolAccountLogin | undefined> {
  const { identifiers } = tx.tables;
  const [row] = await tx.db
    .select({ schoolCode: identifiers.scope, account: identifiers.value })
    .from(identifiers)
    .where(and(eq(identifiers.personId, personId), eq(identifiers.kind, 'school_account')));
  return row;
}
