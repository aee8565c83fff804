import { and, eq, exists, gte, isNull, lte, ne, or, sql, type SQL } from 'drizzle-orm';

import type { Child, Enrollment, Identifier, Membership, PersonFacts } from '../../domain/model.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { IdentifierKind } from '../schema/people.ts';
import type { Tables } from '../schema/tables.ts';
import { schoolColumns } from './schools.ts';
import { toValidity } from './validity.ts';

/** Selects the person with every login, and flags for the other tables. Most people have rows in one of them, so the rest is not read. */
const selectPerson = preparedStatement(
  (
    { db, tables: { persons, identifiers, memberships, enrollments, guardianships } },
    param: Param<{ personId: string }>,
  ) => {
    const one = { one: sql`1` };
    const flag = (kind: SQL): SQL<boolean> => sql`${kind}`.mapWith(Boolean);
    return db
      .select({
        person: {
          id: persons.id,
          kind: persons.kind,
          name: persons.name,
          locale: persons.locale,
          localeChosenAt: persons.localeChosenAt,
          status: persons.status,
          sharingStoppedAt: persons.sharingStoppedAt,
          updatedAt: persons.updatedAt,
        },
        // Drizzle takes a null in the first column for a missing join, so the first column must not be nullable.
        login: { kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt },
        isMember: flag(exists(db.select(one).from(memberships).where(eq(memberships.personId, persons.id)))),
        isEnrolled: flag(exists(db.select(one).from(enrollments).where(eq(enrollments.studentId, persons.id)))),
        isGuardian: flag(exists(db.select(one).from(guardianships).where(eq(guardianships.guardianId, persons.id)))),
      })
      .from(persons)
      .leftJoin(identifiers, and(eq(identifiers.personId, persons.id), ne(identifiers.kind, 'school_account')))
      .where(eq(persons.id, param('personId')))
      .orderBy(identifiers.createdAt, identifiers.id);
  },
);

/** Reads the stored dates of children. */
export interface ChildDates {
  /** Keyed hashes of past 18th birthdays. The guardianships of these children are suspended, also before the job has stored that. */
  reached: ReadonlySet<string>;
  /** Opens a sealed birth date. */
  open: (studentId: string, sealed: string) => string | undefined;
}

/**
 * Loads the facts that the rules need about one person, in one to four indexed queries. Includes inactive guardianships, because the rules
 * check their state.
 *
 * @param today excludes enrollments and memberships that are not valid on this day (`2026-11-23`)
 * @param dates of children; without them, all birth dates are unknown
 */
export async function loadPersonFacts(
  tx: Transaction,
  personId: string,
  today?: string,
  dates: ChildDates = { reached: new Set(), open: () => undefined },
): Promise<PersonFacts | undefined> {
  const rows = await selectPerson(tx, { personId });
  const [first] = rows;
  if (first === undefined) return undefined;
  const { person, isMember, isEnrolled, isGuardian } = first;
  const at = { personId, ...(today === undefined ? ALWAYS : { from: today, to: today }) };
  return {
    id: person.id,
    name: person.name,
    locale: person.locale ?? undefined,
    isLocaleChosen: person.localeChosenAt !== null,
    isActive: person.status === 'active',
    isSchoolAccount: person.kind === 'school_account',
    isSharingStopped: person.sharingStoppedAt !== null,
    updatedAt: person.updatedAt,
    identifiers: rows.flatMap(({ login }) => (login === null ? [] : toIdentifier(login))),
    memberships: isMember ? (await selectMemberships(tx, at)).map(toMembership) : [],
    enrollments: isEnrolled ? (await selectEnrollments(tx, at)).map(toEnrollment) : [],
    children: isGuardian ? toChildren(personId, await selectChildren(tx, at), dates) : [],
  };
}

const selectLogins = preparedStatement(({ db, tables: { identifiers } }, param: Param<{ personId: string }>) =>
  db
    .select({ kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt })
    .from(identifiers)
    .where(and(eq(identifiers.personId, param('personId')), ne(identifiers.kind, 'school_account')))
    .orderBy(identifiers.createdAt, identifiers.id),
);

/** Lists the logins of a person, without school accounts. */
export async function listIdentifiers(tx: Transaction, personId: string): Promise<Identifier[]> {
  return (await selectLogins(tx, { personId })).flatMap(toIdentifier);
}

function toIdentifier(row: { kind: IdentifierKind; value: string; verifiedAt: number | null }): Identifier[] {
  if (row.kind === 'school_account') return [];
  return [{ kind: row.kind, value: row.value, isVerified: row.verifiedAt !== null }];
}

/** Parameters of the queries. Excludes rows that ended before `from` or begin after `to`. */
interface ValidityQuery {
  personId: string;
  from: string;
  to: string;
}

/** Every day lies between these texts in any collation. PostgreSQL may sort punctuation before or after digits, so both are dates. */
const ALWAYS = { from: '0000-01-01', to: '9999-12-31' };

interface ValidityColumns {
  validFrom: Tables['enrollments']['validFrom'] | Tables['memberships']['validFrom'];
  validTo: Tables['enrollments']['validTo'] | Tables['memberships']['validTo'];
}

/** Returns the condition for rows that are valid in the period; both ends are included, as in domain/acting/guardianship.ts. */
function isValidIn(t: ValidityColumns, param: Param<ValidityQuery>): SQL | undefined {
  return and(
    or(isNull(t.validFrom), lte(t.validFrom, param('to'))),
    or(isNull(t.validTo), gte(t.validTo, param('from'))),
  );
}

/*
 * Select only the columns that the rules need, because reading and decoding a column costs as much as finding the row. Drizzle takes a null
 * in the first column for a missing join, so the first column must not be nullable.
 */
const membershipColumns = ({ id, personId, role, isPrimary, validFrom, validTo }: Tables['memberships']) => {
  return { id, personId, role, isPrimary, validFrom, validTo };
};
const enrollmentColumns = ({ id, studentId, seat, validFrom, validTo }: Tables['enrollments']) => {
  return { id, studentId, seat, validFrom, validTo };
};
const classColumns = ({ year, semester, grade, classno, classtitle }: Tables['classes']) => {
  return { year, semester, grade, classno, classtitle };
};
const guardianshipColumns = (guardianships: Tables['guardianships']) => {
  const { id, studentId, relation, authority, permissions, state, validFrom, validTo } = guardianships;
  return { id, studentId, relation, authority, permissions, state, validFrom, validTo };
};

type Selected<K extends keyof Tables> = Tables[K]['$inferSelect'];
type MembershipRow = Pick<Selected<'memberships'>, keyof ReturnType<typeof membershipColumns>>;
type EnrollmentRow = Pick<Selected<'enrollments'>, keyof ReturnType<typeof enrollmentColumns>>;
type ClassRow = Pick<Selected<'classes'>, keyof ReturnType<typeof classColumns>>;
type GuardianshipRow = Pick<Selected<'guardianships'>, keyof ReturnType<typeof guardianshipColumns>>;
type SchoolRow = Pick<Selected<'schools'>, keyof ReturnType<typeof schoolColumns>>;

const selectMemberships = preparedStatement(({ db, tables: { memberships, schools } }, param: Param<ValidityQuery>) =>
  db
    .select({ membership: membershipColumns(memberships), school: schoolColumns(schools) })
    .from(memberships)
    .leftJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(and(eq(memberships.personId, param('personId')), isValidIn(memberships, param)))
    .orderBy(memberships.id),
);

function toMembership({ membership, school }: { membership: MembershipRow; school: SchoolRow | null }): Membership {
  const { id, personId, role, isPrimary: primary } = membership;
  return { id, personId, role, school: school ?? undefined, isPrimary: primary, ...toValidity(membership) };
}

const selectEnrollments = preparedStatement(
  ({ db, tables: { enrollments, classes, schools } }, param: Param<ValidityQuery>) =>
    db
      .select({
        enrollment: enrollmentColumns(enrollments),
        class: classColumns(classes),
        school: schoolColumns(schools),
      })
      .from(enrollments)
      .innerJoin(classes, eq(classes.id, enrollments.classId))
      .innerJoin(schools, eq(schools.code, classes.schoolCode))
      .where(and(eq(enrollments.studentId, param('personId')), isValidIn(enrollments, param)))
      .orderBy(classes.year, classes.semester, enrollments.id),
);

interface EnrolledRow {
  enrollment: EnrollmentRow;
  class: ClassRow;
  school: SchoolRow;
}

function toEnrollment({ enrollment, class: inClass, school }: EnrolledRow): Enrollment {
  const { id, studentId, seat } = enrollment;
  return { id, studentId, school, ...inClass, seat, ...toValidity(enrollment) };
}

/** Selects one row for each enrollment of each child, and one for a child without any. */
const selectChildren = preparedStatement(
  ({ db, tables: { guardianships, persons, enrollments, classes, schools } }, param: Param<ValidityQuery>) =>
    db
      .select({
        guardianship: guardianshipColumns(guardianships),
        name: persons.name,
        birthDateSealed: persons.birthDateSealed,
        adultOnLookup: persons.adultOnLookup,
        enrollment: enrollmentColumns(enrollments),
        class: classColumns(classes),
        school: schoolColumns(schools),
      })
      .from(guardianships)
      .innerJoin(persons, eq(persons.id, guardianships.studentId))
      .leftJoin(enrollments, and(eq(enrollments.studentId, guardianships.studentId), isValidIn(enrollments, param)))
      .leftJoin(classes, eq(classes.id, enrollments.classId))
      .leftJoin(schools, eq(schools.code, classes.schoolCode))
      .where(eq(guardianships.guardianId, param('personId')))
      .orderBy(guardianships.createdAt, guardianships.id, classes.year, classes.semester, enrollments.id),
);

interface ChildRow {
  guardianship: GuardianshipRow;
  name: string;
  birthDateSealed: string | null;
  adultOnLookup: string | null;
  enrollment: EnrollmentRow | null;
  class: ClassRow | null;
  school: SchoolRow | null;
}

function toChildren(guardianId: string, rows: readonly ChildRow[], { reached, open }: ChildDates): Child[] {
  const byGuardianship = Map.groupBy(rows, ({ guardianship }) => guardianship.id);
  return [...byGuardianship.values()].flatMap((ofChild) => {
    const [first] = ofChild;
    if (first === undefined) return [];
    const { state } = first.guardianship;
    const isAdult = first.adultOnLookup !== null && reached.has(first.adultOnLookup);
    return {
      guardianship: {
        ...first.guardianship,
        ...{ guardianId, state: isAdult && state === 'active' ? 'suspended' : state },
        ...toValidity(first.guardianship),
      },
      name: first.name,
      birthDate: first.birthDateSealed === null ? undefined : open(first.guardianship.studentId, first.birthDateSealed),
      enrollments: ofChild.flatMap(({ enrollment, class: inClass, school }): Enrollment[] =>
        enrollment === null || inClass === null || school === null
          ? []
          : [toEnrollment({ enrollment, class: inClass, school })],
      ),
    };
  });
}
