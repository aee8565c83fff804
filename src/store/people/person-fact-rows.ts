import {
  and,
  eq,
  exists,
  gte,
  isNull,
  lte,
  ne,
  or,
  sql,
  type AnyColumn,
  type Placeholder,
  type SQL,
} from 'drizzle-orm';

import { isInJsonList, preparedSelect, type Dialect, type Param } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';
import { schoolColumns } from './schools.ts';

/** Selects the rows of one person, or of the people of a JSON array. */
type MatchPeople = (column: AnyColumn, people: Placeholder, dialect: Dialect) => SQL;

const isPerson: MatchPeople = (column, people) => eq(column, people);
/** The statements for one person, whose id is `people`. */
export const forOne = createStatements(isPerson);
/** The statements for many people: `people` is a JSON array of their ids. */
export const forMany = createStatements(isInJsonList);

function createStatements(matches: MatchPeople) {
  return {
    selectPeople: selectPeople(matches),
    selectMemberships: selectMemberships(matches),
    selectEnrollments: selectEnrollments(matches),
    selectChildren: selectChildren(matches),
  };
}

/** Selects people with every login, and flags for the other tables. Most people have rows in one of them, so the rest is not read. */
function selectPeople(matches: MatchPeople) {
  return preparedSelect(
    (
      { db, dialect, tables: { persons, directoryNumbers, identifiers, memberships, enrollments, guardianships } },
      param: Param<{ people: string }>,
    ) => {
      const one = { one: sql`1` };
      // A boolean or 0 and 1.
      const flag = (kind: SQL): SQL => sql`${kind}`;
      const fields = {
        person: personColumns(persons),
        numbered: { number: directoryNumbers.number },
        login: { kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt },
        isMember: flag(exists(db.select(one).from(memberships).where(eq(memberships.personId, persons.id)))),
        isEnrolled: flag(exists(db.select(one).from(enrollments).where(eq(enrollments.studentId, persons.id)))),
        isGuardian: flag(exists(db.select(one).from(guardianships).where(eq(guardianships.guardianId, persons.id)))),
      };
      const query = db
        .select(fields)
        .from(persons)
        .leftJoin(directoryNumbers, eq(directoryNumbers.personId, persons.id))
        .leftJoin(identifiers, and(eq(identifiers.personId, persons.id), ne(identifiers.kind, 'school_account')))
        .where(matches(persons.id, param('people'), dialect))
        .orderBy(identifiers.createdAt, identifiers.id);
      return { fields, query };
    },
  );
}

/** Parameters of the queries. Excludes rows that ended before `from` or begin after `to`. */
interface ValidityQuery {
  people: string;
  from: string;
  to: string;
}

/** Every day lies between these texts in any collation. PostgreSQL may sort punctuation before or after digits, so both are dates. */
export const ALWAYS = { from: '0000-01-01', to: '9999-12-31' };

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
 * Select only the columns that the rules need, because reading and decoding a column costs as much as finding the row. A null in the first
 * column is a missing join, so the first column must not be nullable.
 */
const personColumns = (persons: Tables['persons']) => {
  const { id, kind, name, locale, localeChosenAt, status, sharingStoppedAt, createdAt, updatedAt } = persons;
  return { id, kind, name, locale, localeChosenAt, status, sharingStoppedAt, createdAt, updatedAt };
};
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
  const { id, guardianId, studentId, relation, authority, permissions, state, validFrom, validTo } = guardianships;
  return { id, guardianId, studentId, relation, authority, permissions, state, validFrom, validTo };
};

export type Selected<K extends keyof Tables> = Tables[K]['$inferSelect'];
export type MembershipRow = Pick<Selected<'memberships'>, keyof ReturnType<typeof membershipColumns>>;
export type EnrollmentRow = Pick<Selected<'enrollments'>, keyof ReturnType<typeof enrollmentColumns>>;
export type ClassRow = Pick<Selected<'classes'>, keyof ReturnType<typeof classColumns>>;
export type GuardianshipRow = Pick<Selected<'guardianships'>, keyof ReturnType<typeof guardianshipColumns>>;
export type SchoolRow = Pick<Selected<'schools'>, keyof ReturnType<typeof schoolColumns>>;

function selectMemberships(matches: MatchPeople) {
  return preparedSelect(({ db, dialect, tables: { memberships, schools } }, param: Param<ValidityQuery>) => {
    const fields = { membership: membershipColumns(memberships), school: schoolColumns(schools) };
    const query = db
      .select(fields)
      .from(memberships)
      .leftJoin(schools, eq(schools.code, memberships.schoolCode))
      .where(and(matches(memberships.personId, param('people'), dialect), isValidIn(memberships, param)))
      .orderBy(memberships.id);
    return { fields, query };
  });
}

function selectEnrollments(matches: MatchPeople) {
  return preparedSelect(({ db, dialect, tables: { enrollments, classes, schools } }, param: Param<ValidityQuery>) => {
    const fields = {
      enrollment: enrollmentColumns(enrollments),
      class: classColumns(classes),
      school: schoolColumns(schools),
    };
    const query = db
      .select(fields)
      .from(enrollments)
      .innerJoin(classes, eq(classes.id, enrollments.classId))
      .innerJoin(schools, eq(schools.code, classes.schoolCode))
      .where(and(matches(enrollments.studentId, param('people'), dialect), isValidIn(enrollments, param)))
      .orderBy(classes.year, classes.semester, enrollments.id);
    return { fields, query };
  });
}

/** Selects one row for each enrollment of each child, and one for a child without any. */
function selectChildren(matches: MatchPeople) {
  return preparedSelect(
    (
      { db, dialect, tables: { guardianships, persons, enrollments, classes, schools } },
      param: Param<ValidityQuery>,
    ) => {
      const fields = {
        guardianship: guardianshipColumns(guardianships),
        name: persons.name,
        birthDateSealed: persons.birthDateSealed,
        adultOnLookup: persons.adultOnLookup,
        enrollment: enrollmentColumns(enrollments),
        class: classColumns(classes),
        school: schoolColumns(schools),
      };
      const query = db
        .select(fields)
        .from(guardianships)
        .innerJoin(persons, eq(persons.id, guardianships.studentId))
        .leftJoin(enrollments, and(eq(enrollments.studentId, guardianships.studentId), isValidIn(enrollments, param)))
        .leftJoin(classes, eq(classes.id, enrollments.classId))
        .leftJoin(schools, eq(schools.code, classes.schoolCode))
        .where(matches(guardianships.guardianId, param('people'), dialect))
        .orderBy(guardianships.createdAt, guardianships.id, classes.year, classes.semester, enrollments.id);
      return { fields, query };
    },
  );
}
