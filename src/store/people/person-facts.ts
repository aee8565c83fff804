import { and, eq, exists, gte, isNull, lte, ne, or, sql, type SQL } from 'drizzle-orm';

import type { Child, Enrollment, Identifier, Membership, PersonFacts, Validity } from '../../domain/model.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { IdentifierKind } from '../schema/people.ts';
import type { Tables } from '../schema/tables.ts';

/** The person with every login, and whether there is anything of the other kinds: most people have one of them, and nobody all. */
const selectPerson = preparedStatement(
  (
    { db, tables: { persons, identifiers, memberships, enrolments, guardianships } },
    param: Param<{ personId: string }>,
  ) => {
    const one = { one: sql`1` };
    const flag = (kind: SQL): SQL<boolean> => sql`${kind}`.mapWith(Boolean);
    return db
      .select({
        person: {
          id: persons.id,
          name: persons.name,
          locale: persons.locale,
          status: persons.status,
          updatedAt: persons.updatedAt,
        },
        // Drizzle gives null for a row that is not there by its first column, which must never be null itself.
        login: { kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt },
        isMember: flag(exists(db.select(one).from(memberships).where(eq(memberships.personId, persons.id)))),
        isEnrolled: flag(exists(db.select(one).from(enrolments).where(eq(enrolments.studentId, persons.id)))),
        isGuardian: flag(exists(db.select(one).from(guardianships).where(eq(guardianships.guardianId, persons.id)))),
      })
      .from(persons)
      .leftJoin(identifiers, and(eq(identifiers.personId, persons.id), ne(identifiers.kind, 'school_account')))
      .where(eq(persons.id, param('personId')))
      .orderBy(identifiers.createdAt, identifiers.id);
  },
);

/**
 * Everything that the rules may know of one person, in one to four indexed queries, however many people there are. All
 * guardianships come along, in force or not: the rules judge.
 *
 * @param today leaves out enrolments and memberships that are not valid on this day (`2026-11-23`)
 */
export async function loadPersonFacts(
  tx: Transaction,
  personId: string,
  today?: string,
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
    active: person.status === 'active',
    updatedAt: person.updatedAt,
    identifiers: rows.flatMap(({ login }) => (login === null ? [] : toIdentifier(login))),
    memberships: isMember ? (await memberships(tx, at)).map(toMembership) : [],
    enrollments: isEnrolled ? (await enrolments(tx, at)).map(toEnrollment) : [],
    children: isGuardian ? toChildren(personId, await children(tx, at)) : [],
  };
}

const logins = preparedStatement(({ db, tables: { identifiers } }, param: Param<{ personId: string }>) =>
  db
    .select({ kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt })
    .from(identifiers)
    .where(and(eq(identifiers.personId, param('personId')), ne(identifiers.kind, 'school_account')))
    .orderBy(identifiers.createdAt, identifiers.id),
);

/** The logins of a person in the one login box; a school account is none. */
export async function listIdentifiers(tx: Transaction, personId: string): Promise<Identifier[]> {
  return (await logins(tx, { personId })).flatMap(toIdentifier);
}

function toIdentifier(row: { kind: IdentifierKind; value: string; verifiedAt: number | null }): Identifier[] {
  if (row.kind === 'school_account') return [];
  return [{ kind: row.kind, value: row.value, verified: row.verifiedAt !== null }];
}

/** Whose facts, and of which day: what ended before `from` or begins after `to` is left out. */
interface ValidityQuery {
  personId: string;
  from: string;
  to: string;
}

/** Days compare as text, and every day lies between these, however the database sorts: in PostgreSQL a sign may stand before digits. */
const ALWAYS = { from: '0000-01-01', to: '9999-12-31' };

interface ValidityColumns {
  validFrom: Tables['enrolments']['validFrom'] | Tables['memberships']['validFrom'];
  validTo: Tables['enrolments']['validTo'] | Tables['memberships']['validTo'];
}

/** Both ends are included, as in domain/guardianship.ts. */
function valid(t: ValidityColumns, param: Param<ValidityQuery>): SQL | undefined {
  return and(
    or(isNull(t.validFrom), lte(t.validFrom, param('to'))),
    or(isNull(t.validTo), gte(t.validTo, param('from'))),
  );
}

function toValidity(row: { validFrom: string | null; validTo: string | null }): Validity {
  return { validFrom: row.validFrom ?? undefined, validTo: row.validTo ?? undefined };
}

/*
 * What the rules ask of each row, and no more: to read and decode a column costs as much as to find the row. Drizzle gives null for a
 * row that is not there by its first column, which must never be null itself.
 */
const ofMembership = ({ id, personId, role, isPrimary, validFrom, validTo }: Tables['memberships']) => {
  return { id, personId, role, isPrimary, validFrom, validTo };
};
const ofEnrollment = ({ id, studentId, seat, validFrom, validTo }: Tables['enrolments']) => {
  return { id, studentId, seat, validFrom, validTo };
};
const ofClass = ({ year, semester, grade, classno, classtitle }: Tables['classes']) => {
  return { year, semester, grade, classno, classtitle };
};
const ofGuardianship = (guardianships: Tables['guardianships']) => {
  const { id, studentId, relation, authority, permissions, state, validFrom, validTo } = guardianships;
  return { id, studentId, relation, authority, permissions, state, validFrom, validTo };
};

type Selected<K extends keyof Tables> = Tables[K]['$inferSelect'];
type MembershipRow = Pick<Selected<'memberships'>, keyof ReturnType<typeof ofMembership>>;
type EnrollmentRow = Pick<Selected<'enrolments'>, keyof ReturnType<typeof ofEnrollment>>;
type ClassRow = Pick<Selected<'classes'>, keyof ReturnType<typeof ofClass>>;
type GuardianshipRow = Pick<Selected<'guardianships'>, keyof ReturnType<typeof ofGuardianship>>;
type SchoolRow = Selected<'schools'>;

const memberships = preparedStatement(({ db, tables: { memberships, schools } }, param: Param<ValidityQuery>) =>
  db
    .select({ membership: ofMembership(memberships), school: schools })
    .from(memberships)
    .leftJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(and(eq(memberships.personId, param('personId')), valid(memberships, param)))
    .orderBy(memberships.id),
);

function toMembership({ membership, school }: { membership: MembershipRow; school: SchoolRow | null }): Membership {
  const { id, personId, role, isPrimary: primary } = membership;
  return { id, personId, role, school: school ?? undefined, primary, ...toValidity(membership) };
}

const enrolments = preparedStatement(({ db, tables: { enrolments, classes, schools } }, param: Param<ValidityQuery>) =>
  db
    .select({ enrollment: ofEnrollment(enrolments), class: ofClass(classes), school: schools })
    .from(enrolments)
    .innerJoin(classes, eq(classes.id, enrolments.classId))
    .innerJoin(schools, eq(schools.code, classes.schoolCode))
    .where(and(eq(enrolments.studentId, param('personId')), valid(enrolments, param)))
    .orderBy(classes.year, classes.semester, enrolments.id),
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

/** One row for each enrolment of each child, and one for a child without any. */
const children = preparedStatement(
  ({ db, tables: { guardianships, persons, enrolments, classes, schools } }, param: Param<ValidityQuery>) =>
    db
      .select({
        guardianship: ofGuardianship(guardianships),
        name: persons.name,
        enrollment: ofEnrollment(enrolments),
        class: ofClass(classes),
        school: schools,
      })
      .from(guardianships)
      .innerJoin(persons, eq(persons.id, guardianships.studentId))
      .leftJoin(enrolments, and(eq(enrolments.studentId, guardianships.studentId), valid(enrolments, param)))
      .leftJoin(classes, eq(classes.id, enrolments.classId))
      .leftJoin(schools, eq(schools.code, classes.schoolCode))
      .where(eq(guardianships.guardianId, param('personId')))
      .orderBy(guardianships.createdAt, guardianships.id, classes.year, classes.semester, enrolments.id),
);

interface ChildRow {
  guardianship: GuardianshipRow;
  name: string;
  enrollment: EnrollmentRow | null;
  class: ClassRow | null;
  school: SchoolRow | null;
}

function toChildren(guardianId: string, rows: readonly ChildRow[]): Child[] {
  const byGuardianship = Map.groupBy(rows, ({ guardianship }) => guardianship.id);
  return [...byGuardianship.values()].flatMap((ofChild) => {
    const [first] = ofChild;
    if (first === undefined) return [];
    return {
      guardianship: { ...first.guardianship, guardianId, ...toValidity(first.guardianship) },
      name: first.name,
      enrollments: ofChild.flatMap(({ enrollment, class: inClass, school }): Enrollment[] =>
        enrollment === null || inClass === null || school === null
          ? []
          : [toEnrollment({ enrollment, class: inClass, school })],
      ),
    };
  });
}
