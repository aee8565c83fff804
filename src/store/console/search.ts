import { and, eq, gt, gte, inArray, isNull, lt, or, sql, type SQL } from 'drizzle-orm';
import type { Term } from '../../domain/term.ts';
import type { Transaction } from '../database/index.ts';
import type { IdentifierKind } from '../schema/people.ts';

/** The people among whom a search by name looks: the whole city, schools, or classes. */
export type SearchScope =
  | { kind: 'city' }
  /** `withStaff`: also the staff of the schools, for the IT desk. */
  | { kind: 'schools'; schoolCodes: readonly string[]; withStaff: boolean }
  | { kind: 'classes'; classIds: readonly string[] };

/** Where a page of people begins: after this person, in the order of names. */
export interface NamePosition {
  name: string;
  id: string;
}

export interface NameSearch {
  /** As `searchableName` returns it; empty for everybody in the scope. */
  name: string;
  scope: SearchScope;
  /** Guardianships and memberships are valid on this day. */
  today: string;
  after: NamePosition | undefined;
  limit: number;
}

/** Finds people by name, in the order of names. In the city the name begins with the text; in a school it contains the text. */
export async function findPeopleByName(tx: Transaction, search: NameSearch): Promise<NamePosition[]> {
  const { persons } = tx.tables;
  const { after, limit } = search;
  return tx.db
    .select({ id: persons.id, name: persons.nameSearch })
    .from(persons)
    .where(
      and(
        nameCondition(tx, search),
        after && sql`(${persons.nameSearch}, ${persons.id}) > (${after.name}, ${after.id})`,
      ),
    )
    .orderBy(persons.nameSearch, persons.id)
    .limit(limit);
}

/** Above every character that a name contains, so that a prefix is a range of the index. */
const LAST_CHARACTER = '\u{10FFFD}';

function nameCondition(tx: Transaction, { name, scope, today }: NameSearch): SQL | undefined {
  const { persons } = tx.tables;
  if (scope.kind === 'city') return and(gte(persons.nameSearch, name), lt(persons.nameSearch, name + LAST_CHARACTER));
  const contains =
    tx.dialect === 'sqlite'
      ? sql`instr(${persons.nameSearch}, ${name}) > 0`
      : sql`position(${name} in ${persons.nameSearch}) > 0`;
  const members = scope.kind === 'schools' ? peopleOfSchools(tx, scope, today) : peopleOfClasses(tx, scope.classIds);
  return and(sql`${persons.id} in (${members})`, name === '' ? undefined : contains);
}

/** Selects the ids of the pupils of schools, their guardians and school accounts, and the staff. The policy decides about each of them. */
function peopleOfSchools(
  tx: Transaction,
  { schoolCodes, withStaff }: Extract<SearchScope, { kind: 'schools' }>,
  today: string,
): SQL {
  const { enrollments, memberships } = tx.tables;
  const isCurrent = or(isNull(enrollments.validTo), gte(enrollments.validTo, today));
  const pupils = sql`select ${enrollments.studentId} from ${enrollments} where ${and(inArray(enrollments.schoolCode, [...schoolCodes]), isCurrent)}`;
  const staff = sql`select ${memberships.personId} from ${memberships} where ${inArray(memberships.schoolCode, [...schoolCodes])}`;
  return withStaff ? sql`${withFamilies(tx, pupils)} union ${staff}` : withFamilies(tx, pupils);
}

function peopleOfClasses(tx: Transaction, classIds: readonly string[]): SQL {
  const { enrollments } = tx.tables;
  return withFamilies(
    tx,
    sql`select ${enrollments.studentId} from ${enrollments} where ${inArray(enrollments.classId, [...classIds])}`,
  );
}

/** @param pupils a query of student ids */
function withFamilies(tx: Transaction, pupils: SQL): SQL {
  const { guardianships, schoolAccounts } = tx.tables;
  const guardians = sql`select ${guardianships.guardianId} from ${guardianships} where ${guardianships.studentId} in (${pupils})`;
  const accounts = sql`select ${schoolAccounts.personId} from ${schoolAccounts} where ${schoolAccounts.studentId} in (${pupils})`;
  return sql`${pupils} union ${guardians} union ${accounts}`;
}

/** Finds the person with a national ID. @param lookup the keyed hash of the ID */
export async function findPersonIdByNationalId(tx: Transaction, lookup: string): Promise<string[]> {
  const { persons } = tx.tables;
  const rows = await tx.db.select({ id: persons.id }).from(persons).where(eq(persons.nationalIdLookup, lookup));
  return rows.map(({ id }) => id);
}

/** Finds the person with a login name of the city; school accounts are found by their student number. */
export async function findPersonIdsByLogin(tx: Transaction, kind: IdentifierKind, value: string): Promise<string[]> {
  const { identifiers } = tx.tables;
  const rows = await tx.db
    .select({ id: identifiers.personId })
    .from(identifiers)
    .where(and(eq(identifiers.kind, kind), eq(identifiers.scope, ''), eq(identifiers.value, value)));
  return rows.map(({ id }) => id);
}

/** Finds up to `limit` pupils with a student number, in every school, and their school accounts. */
export async function findPersonIdsByStudentNumber(
  tx: Transaction,
  studentNumber: string,
  limit: number,
): Promise<string[]> {
  const { enrollments, schoolAccounts } = tx.tables;
  const pupils = await tx.db
    .selectDistinct({ id: enrollments.studentId })
    .from(enrollments)
    .where(eq(enrollments.studentNumber, studentNumber))
    .limit(limit);
  const ids = pupils.map(({ id }) => id);
  if (ids.length === 0) return [];
  const accounts = await tx.db
    .select({ id: schoolAccounts.personId })
    .from(schoolAccounts)
    .where(inArray(schoolAccounts.studentId, ids));
  return [...ids, ...accounts.map(({ id }) => id)];
}

/** Lists the pupils of a class of this term in the order of their seats. */
export async function findPersonIdsByClass(
  tx: Transaction,
  {
    schoolCodes,
    classno,
    term,
    afterSeat,
    limit,
  }: { schoolCodes: readonly string[]; classno: string; term: Term; afterSeat: number; limit: number },
): Promise<{ id: string; seat: number }[]> {
  const { enrollments, classes } = tx.tables;
  return tx.db
    .select({ id: enrollments.studentId, seat: enrollments.seat })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .where(
      and(
        inArray(classes.schoolCode, [...schoolCodes]),
        eq(classes.year, term.year),
        eq(classes.semester, term.semester),
        eq(classes.classno, classno),
        gt(enrollments.seat, afterSeat),
      ),
    )
    .orderBy(enrollments.seat, enrollments.studentId)
    .limit(limit);
}
