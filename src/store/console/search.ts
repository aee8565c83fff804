import { and, eq, gte, inArray, isNull, lt, or, sql, type AnyColumn, type SQL } from 'drizzle-orm';
import type { Term } from '../../domain/term.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** The scope of a search by name: the whole city, or schools and classes. */
export type SearchScope =
  | { kind: 'city' }
  /** `withStaff`: also the staff of the schools, for the IT desk. */
  | { kind: 'schools'; schoolCodes: readonly string[]; withStaff: boolean; classIds: readonly string[] };

/** Start of a page of people: after this person, in the order of names. */
export interface NamePosition {
  name: string;
  id: string;
}

interface NameSearch {
  /** As `searchableName` returns it; empty for all people in the scope. */
  name: string;
  scope: SearchScope;
  /** Guardianships and memberships are valid on this day. */
  today: string;
  after: NamePosition | undefined;
  limit: number;
}

/** Lists people by name, in the order of names. In the city the name begins with the text; in a school it contains the text. */
export async function listPeopleByName(tx: Transaction, search: NameSearch): Promise<NamePosition[]> {
  const { persons } = tx.tables;
  const { after, limit, scope } = search;
  return (
    tx.db
      // As expressions, because drizzle rejects columns of a table whose index is named.
      .select({ id: sql<string>`${persons.id}`, name: sql<string>`${persons.nameSearch}` })
      .from(scope.kind === 'schools' && tx.dialect === 'sqlite' ? withNameIndex(persons) : persons)
      .where(
        and(
          nameCondition(tx, search),
          after && sql`(${persons.nameSearch}, ${persons.id}) > (${after.name}, ${after.id})`,
        ),
      )
      .orderBy(persons.nameSearch, persons.id)
      .limit(limit)
  );
}

/** SQLite would take the index of the primary key, because it is unique, and read the row of each person. */
function withNameIndex(persons: Tables['persons']): SQL {
  return sql`${persons} indexed by persons_id_name_search_idx`;
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
  return and(sql`${persons.id} in (${peopleOfSchools(tx, scope, today)})`, name === '' ? undefined : contains);
}

/** Selects the ids of pupils, their guardians and school accounts, and the staff. An id may occur twice. The policy decides about each of them. */
export function peopleOfSchools(
  tx: Transaction,
  { schoolCodes, withStaff, classIds }: Extract<SearchScope, { kind: 'schools' }>,
  today: string,
): SQL {
  const { enrollments, memberships } = tx.tables;
  const isCurrent = isNotOver(enrollments.validTo, today);
  const inSchools = inArray(enrollments.schoolCode, [...schoolCodes]);
  const inClasses = inArray(enrollments.classId, [...classIds]);
  const select = (where: SQL | undefined): SQL =>
    sql`select ${enrollments.studentId} from ${enrollments} where ${and(where, isCurrent)}`;
  const pupils = sql.join(
    [...(schoolCodes.length > 0 ? [select(inSchools)] : []), ...(classIds.length > 0 ? [select(inClasses)] : [])],
    sql` union `,
  );
  const isMember = and(inArray(memberships.schoolCode, [...schoolCodes]), isNotOver(memberships.validTo, today));
  const staff = sql`select ${memberships.personId} from ${memberships} where ${isMember}`;
  return withStaff ? sql`${withFamilies(tx, pupils, today)} union all ${staff}` : withFamilies(tx, pupils, today);
}

/** Lists the pupils of a school, their guardians and school accounts, and the staff. */
export async function listPeopleOfSchool(tx: Transaction, schoolCode: string, today: string): Promise<string[]> {
  const scope = { kind: 'schools', schoolCodes: [schoolCode], withStaff: true, classIds: [] } as const;
  const rows = await tx.db
    .selectDistinct({ id: sql<string>`people.person_id` })
    .from(sql`(${peopleOfSchools(tx, scope, today)}) as people`);
  return rows.map(({ id }) => id);
}

/** Returns the condition for rows that have not ended before today. */
function isNotOver(validTo: AnyColumn, today: string): SQL | undefined {
  return or(isNull(validTo), gte(validTo, today));
}

/** Selects guardianships that put a guardian in the scope of a school: suspended ones count, ended ones do not. */
export function isCurrentGuardianship({ tables: { guardianships } }: Transaction, today: string): SQL | undefined {
  return and(inArray(guardianships.state, ['active', 'suspended']), isNotOver(guardianships.validTo, today));
}

/**
 * Adds guardians and school accounts. SQLite keeps the order of a cross join; otherwise it reads the guardianships of the whole city.
 *
 * @param pupils a query of student ids, which runs once
 */
function withFamilies(tx: Transaction, pupils: SQL, today: string): SQL {
  const { guardianships, schoolAccounts } = tx.tables;
  const isGuardian = and(sql`${guardianships.studentId} = pupils.person_id`, isCurrentGuardianship(tx, today));
  const guardians = sql`select ${guardianships.guardianId} from pupils cross join ${guardianships} where ${isGuardian}`;
  const accounts = sql`select ${schoolAccounts.personId} from pupils cross join ${schoolAccounts} where ${schoolAccounts.studentId} = pupils.person_id`;
  return sql`with pupils (person_id) as materialized (${pupils}) select person_id from pupils union all ${guardians} union all ${accounts}`;
}

/** Lists up to `limit` pupils with a student number, in every school, and their school accounts. */
export async function listPersonIdsByStudentNumber(
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

/** The most pupils that the name of a class finds, with room for several schools. */
const MAX_CLASS_SIZE = 100;

/** Lists the pupils of the classes with a number or title, in the order of their seats. */
export async function listPersonIdsByClass(
  tx: Transaction,
  { schoolCodes, name, term }: { schoolCodes: readonly string[]; name: string; term: Term },
): Promise<string[]> {
  const { enrollments, classes } = tx.tables;
  const rows = await tx.db
    .select({ id: enrollments.studentId })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .where(
      and(
        inArray(classes.schoolCode, [...schoolCodes]),
        eq(classes.year, term.year),
        eq(classes.semester, term.semester),
        or(eq(classes.classno, name), eq(classes.classtitle, name)),
      ),
    )
    .orderBy(enrollments.seat, enrollments.studentId)
    .limit(MAX_CLASS_SIZE);
  return rows.map(({ id }) => id);
}
