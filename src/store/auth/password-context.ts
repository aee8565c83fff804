import { and, eq, inArray, ne } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';

/** Words that a new password of one person must not contain (NIST SP 800-63B-4, section 3.1.1.2). */
export interface PasswordContextRow {
  names: string[];
  emails: string[];
  phones: string[];
  accounts: string[];
  studentNumbers: string[];
  schools: string[];
  /** Null when there is none or proofing has ended. */
  nationalIdSealed: string | null;
}

/**
 * Loads the words of the person and of the children, whose names and student numbers attackers try first. For a family's school
 * account, the student is the child. Empty when there is no such person.
 */
export async function loadPasswordContext(tx: Transaction, personId: string): Promise<PasswordContextRow> {
  const ids = [personId, ...(await listChildIds(tx, personId))];
  const { persons: personsTable, identifiers: identifiersTable } = tx.tables;
  const persons = await tx.db
    .select({ id: personsTable.id, name: personsTable.name, nationalIdSealed: personsTable.nationalIdSealed })
    .from(personsTable)
    .where(inArray(personsTable.id, ids));
  const identifiers = await tx.db
    .select({ kind: identifiersTable.kind, value: identifiersTable.value })
    .from(identifiersTable)
    .where(eq(identifiersTable.personId, personId));
  const valuesOf = (...kinds: string[]): string[] =>
    identifiers.filter(({ kind }) => kinds.includes(kind)).map(({ value }) => value);
  const { studentNumbers, schools } = await listSchoolNames(tx, personId, ids);
  return {
    names: unique(persons.map(({ name }) => name)),
    emails: valuesOf('email'),
    phones: valuesOf('mobile'),
    accounts: valuesOf('account', 'school_account'),
    studentNumbers,
    schools,
    nationalIdSealed: persons.find(({ id }) => id === personId)?.nationalIdSealed ?? null,
  };
}

async function listChildIds(tx: Transaction, personId: string): Promise<string[]> {
  const { guardianships, schoolAccounts } = tx.tables;
  const children = await tx.db
    .select({ id: guardianships.studentId })
    .from(guardianships)
    .where(and(eq(guardianships.guardianId, personId), ne(guardianships.state, 'revoked')));
  const students = await tx.db
    .select({ id: schoolAccounts.studentId })
    .from(schoolAccounts)
    .where(eq(schoolAccounts.personId, personId));
  return [...children, ...students].map(({ id }) => id);
}

async function listSchoolNames(
  tx: Transaction,
  personId: string,
  studentIds: string[],
): Promise<{ studentNumbers: string[]; schools: string[] }> {
  const { enrollments, memberships, schools } = tx.tables;
  const enrolled = await tx.db
    .select({ number: enrollments.studentNumber, school: schools })
    .from(enrollments)
    .innerJoin(schools, eq(schools.code, enrollments.schoolCode))
    .where(inArray(enrollments.studentId, studentIds));
  const employed = await tx.db
    .select({ school: schools })
    .from(memberships)
    .innerJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(eq(memberships.personId, personId));
  return {
    studentNumbers: unique(enrolled.map(({ number }) => number)),
    schools: unique([...enrolled, ...employed].flatMap(({ school }) => [school.name, school.nameEn, school.code])),
  };
}

function unique(words: string[]): string[] {
  return [...new Set(words)];
}
