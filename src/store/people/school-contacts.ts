import { eq, inArray } from 'drizzle-orm';
import { CONTACT_SUBJECTS, type SchoolContact } from '../../domain/school-contacts.ts';
import { insertMany } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';

export type SchoolContactRow = SchoolContact & { schoolCode: string };

/** Lists the contacts of schools, in the order of `CONTACT_SUBJECTS`. */
export async function listSchoolContacts(tx: Transaction, codes: readonly string[]): Promise<SchoolContactRow[]> {
  const { schoolContacts } = tx.tables;
  if (codes.length === 0) return [];
  const rows = await tx.db
    .select()
    .from(schoolContacts)
    .where(inArray(schoolContacts.schoolCode, [...codes]));
  return CONTACT_SUBJECTS.flatMap((subject) => rows.filter((row) => row.subject === subject));
}

/** Replaces all contacts of a school. */
export async function replaceSchoolContacts(
  tx: Transaction,
  schoolCode: string,
  contacts: readonly SchoolContact[],
): Promise<void> {
  const { schoolContacts } = tx.tables;
  await tx.db.delete(schoolContacts).where(eq(schoolContacts.schoolCode, schoolCode));
  if (contacts.length > 0) {
    await insertMany(
      tx,
      schoolContacts,
      contacts.map((contact) => ({ ...contact, schoolCode })),
    );
  }
}
