import { and, eq, inArray, ne } from 'drizzle-orm';

import type { Unit } from '../database/index.ts';

/** The words that a new password must not contain (NIST SP 800-63B-4, section 3.1.1.2), gathered for one person. */
export interface PasswordWords {
  names: string[];
  emails: string[];
  phones: string[];
  accounts: string[];
  studentNumbers: string[];
  schools: string[];
  /** For the caller to open; null when there is none or proofing has ended. */
  nationalIdSealed: string | null;
}

/**
 * Own words and those of the children: a child's name or student number is what others try first. For a family's school
 * account the student counts as the child. Empty when there is no such person.
 */
export async function passwordContext(u: Unit, personId: string): Promise<PasswordWords> {
  const ids = [personId, ...(await childIds(u, personId))];
  const { persons: p, identifiers: i } = u.t;
  const persons = await u.db
    .select({ id: p.id, name: p.name, nationalIdSealed: p.nationalIdSealed })
    .from(p)
    .where(inArray(p.id, ids));
  const identifiers = await u.db.select({ kind: i.kind, value: i.value }).from(i).where(eq(i.personId, personId));
  const valuesOf = (...kinds: string[]): string[] =>
    identifiers.filter(({ kind }) => kinds.includes(kind)).map(({ value }) => value);
  const { studentNumbers, schools } = await schoolWords(u, personId, ids);
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

async function childIds(u: Unit, personId: string): Promise<string[]> {
  const { guardianships: g, schoolAccounts: a } = u.t;
  const children = await u.db
    .select({ id: g.studentId })
    .from(g)
    .where(and(eq(g.guardianId, personId), ne(g.state, 'revoked')));
  const students = await u.db.select({ id: a.studentId }).from(a).where(eq(a.personId, personId));
  return [...children, ...students].map(({ id }) => id);
}

async function schoolWords(
  u: Unit,
  personId: string,
  studentIds: string[],
): Promise<{ studentNumbers: string[]; schools: string[] }> {
  const { enrolments: e, memberships: m, schools: s } = u.t;
  const enrolled = await u.db
    .select({ number: e.studentNumber, school: s })
    .from(e)
    .innerJoin(s, eq(s.code, e.schoolCode))
    .where(inArray(e.studentId, studentIds));
  const employed = await u.db
    .select({ school: s })
    .from(m)
    .innerJoin(s, eq(s.code, m.schoolCode))
    .where(eq(m.personId, personId));
  return {
    studentNumbers: unique(enrolled.map(({ number }) => number)),
    schools: unique([...enrolled, ...employed].flatMap(({ school }) => [school.name, school.nameEn, school.code])),
  };
}

function unique(words: string[]): string[] {
  return [...new Set(words)];
}
