import { and, eq, exists, gte, isNull, lte, ne, or, sql, type SQL } from 'drizzle-orm';

import type { Child, Enrolment, Identifier, Membership, PersonFacts, Validity } from '../../domain/model.ts';
import { statement, type Param, type Unit } from '../database/index.ts';
import type { IdentifierKind } from '../schema/people.ts';
import type { Tables } from '../schema/tables.ts';

/** The person with every login, and whether there is anything of the other kinds: most people have one of them, and nobody all. */
const self = statement(
  (
    { db, t: { persons, identifiers: i, memberships: m, enrolments: e, guardianships: g } },
    p: Param<{ personId: string }>,
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
        login: { kind: i.kind, value: i.value, verifiedAt: i.verifiedAt },
        isMember: flag(exists(db.select(one).from(m).where(eq(m.personId, persons.id)))),
        isEnrolled: flag(exists(db.select(one).from(e).where(eq(e.studentId, persons.id)))),
        isGuardian: flag(exists(db.select(one).from(g).where(eq(g.guardianId, persons.id)))),
      })
      .from(persons)
      .leftJoin(i, and(eq(i.personId, persons.id), ne(i.kind, 'school_account')))
      .where(eq(persons.id, p('personId')))
      .orderBy(i.createdAt, i.id);
  },
);

/**
 * Everything that the rules may know of one person, in one to four indexed queries, however many people there are. All
 * guardianships come along, in force or not: the rules judge.
 *
 * @param today leaves out enrolments and memberships that are not valid on this day (`2026-11-23`)
 */
export async function personFacts(u: Unit, personId: string, today?: string): Promise<PersonFacts | undefined> {
  const rows = await self(u, { personId });
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
    memberships: isMember ? (await memberships(u, at)).map(toMembership) : [],
    enrolments: isEnrolled ? (await enrolments(u, at)).map(toEnrolment) : [],
    children: isGuardian ? toChildren(personId, await children(u, at)) : [],
  };
}

const logins = statement(({ db, t: { identifiers: i } }, p: Param<{ personId: string }>) =>
  db
    .select({ kind: i.kind, value: i.value, verifiedAt: i.verifiedAt })
    .from(i)
    .where(and(eq(i.personId, p('personId')), ne(i.kind, 'school_account')))
    .orderBy(i.createdAt, i.id),
);

/** The logins of a person in the one login box; a school account is none. */
export async function identifiersOf(u: Unit, personId: string): Promise<Identifier[]> {
  return (await logins(u, { personId })).flatMap(toIdentifier);
}

function toIdentifier(row: { kind: IdentifierKind; value: string; verifiedAt: number | null }): Identifier[] {
  if (row.kind === 'school_account') return [];
  return [{ kind: row.kind, value: row.value, verified: row.verifiedAt !== null }];
}

/** Whose facts, and of which day: what ended before `from` or begins after `to` is left out. */
interface Wanted {
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
function valid(t: ValidityColumns, p: Param<Wanted>): SQL | undefined {
  return and(or(isNull(t.validFrom), lte(t.validFrom, p('to'))), or(isNull(t.validTo), gte(t.validTo, p('from'))));
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
const ofEnrolment = ({ id, studentId, seat, validFrom, validTo }: Tables['enrolments']) => {
  return { id, studentId, seat, validFrom, validTo };
};
const ofClass = ({ year, semester, grade, classno, classtitle }: Tables['classes']) => {
  return { year, semester, grade, classno, classtitle };
};
const ofGuardianship = (g: Tables['guardianships']) => {
  const { id, studentId, relation, authority, permissions, state, validFrom, validTo } = g;
  return { id, studentId, relation, authority, permissions, state, validFrom, validTo };
};

type Selected<K extends keyof Tables> = Tables[K]['$inferSelect'];
type MembershipRow = Pick<Selected<'memberships'>, keyof ReturnType<typeof ofMembership>>;
type EnrolmentRow = Pick<Selected<'enrolments'>, keyof ReturnType<typeof ofEnrolment>>;
type ClassRow = Pick<Selected<'classes'>, keyof ReturnType<typeof ofClass>>;
type GuardianshipRow = Pick<Selected<'guardianships'>, keyof ReturnType<typeof ofGuardianship>>;
type SchoolRow = Selected<'schools'>;

const memberships = statement(({ db, t: { memberships: m, schools: s } }, p: Param<Wanted>) =>
  db
    .select({ membership: ofMembership(m), school: s })
    .from(m)
    .leftJoin(s, eq(s.code, m.schoolCode))
    .where(and(eq(m.personId, p('personId')), valid(m, p)))
    .orderBy(m.id),
);

function toMembership({ membership, school }: { membership: MembershipRow; school: SchoolRow | null }): Membership {
  const { id, personId, role, isPrimary: primary } = membership;
  return { id, personId, role, school: school ?? undefined, primary, ...toValidity(membership) };
}

const enrolments = statement(({ db, t: { enrolments: e, classes: c, schools: s } }, p: Param<Wanted>) =>
  db
    .select({ enrolment: ofEnrolment(e), class: ofClass(c), school: s })
    .from(e)
    .innerJoin(c, eq(c.id, e.classId))
    .innerJoin(s, eq(s.code, c.schoolCode))
    .where(and(eq(e.studentId, p('personId')), valid(e, p)))
    .orderBy(c.year, c.semester, e.id),
);

interface EnrolledRow {
  enrolment: EnrolmentRow;
  class: ClassRow;
  school: SchoolRow;
}

function toEnrolment({ enrolment, class: inClass, school }: EnrolledRow): Enrolment {
  const { id, studentId, seat } = enrolment;
  return { id, studentId, school, ...inClass, seat, ...toValidity(enrolment) };
}

/** One row for each enrolment of each child, and one for a child without any. */
const children = statement(
  ({ db, t: { guardianships: g, persons, enrolments: e, classes: c, schools: s } }, p: Param<Wanted>) =>
    db
      .select({
        guardianship: ofGuardianship(g),
        name: persons.name,
        enrolment: ofEnrolment(e),
        class: ofClass(c),
        school: s,
      })
      .from(g)
      .innerJoin(persons, eq(persons.id, g.studentId))
      .leftJoin(e, and(eq(e.studentId, g.studentId), valid(e, p)))
      .leftJoin(c, eq(c.id, e.classId))
      .leftJoin(s, eq(s.code, c.schoolCode))
      .where(eq(g.guardianId, p('personId')))
      .orderBy(g.createdAt, g.id, c.year, c.semester, e.id),
);

interface ChildRow {
  guardianship: GuardianshipRow;
  name: string;
  enrolment: EnrolmentRow | null;
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
      enrolments: ofChild.flatMap(({ enrolment, class: inClass, school }): Enrolment[] =>
        enrolment === null || inClass === null || school === null
          ? []
          : [toEnrolment({ enrolment, class: inClass, school })],
      ),
    };
  });
}
