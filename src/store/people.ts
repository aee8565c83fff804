import { and, eq, gte, inArray, isNull, like, lte, ne, or, type SQL } from 'drizzle-orm';

import type { Child, Enrolment, Identifier, Membership, PersonFacts, Validity } from '../domain/model.ts';
import { ConflictError, type Unit } from './database/index.ts';
import type { Tables } from './schema/define.ts';
import type { IdentifierKind, PersonStatus } from './schema/people.ts';

export { passwordContext, type PasswordWords } from './password-context.ts';
export type { IdentifierKind, PersonKind, PersonStatus } from './schema/people.ts';
export type PersonRow = Tables['persons']['$inferSelect'];
export type NewPerson = Tables['persons']['$inferInsert'];
export type NewIdentifier = Tables['identifiers']['$inferInsert'];
export type NewSchoolAccount = Tables['schoolAccounts']['$inferInsert'];

/** The person behind a login name, disabled ones too. `scope` is the school code of a school account. */
export async function personIdByIdentifier(
  u: Unit,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const i = u.t.identifiers;
  const [row] = await u.db
    .select({ personId: i.personId })
    .from(i)
    .where(and(eq(i.kind, kind), eq(i.scope, scope), eq(i.value, value)));
  return row?.personId;
}

/** The same, but only a person who may sign in. */
export async function activePersonIdByIdentifier(
  u: Unit,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const { identifiers: i, persons: p } = u.t;
  const [row] = await u.db
    .select({ personId: i.personId })
    .from(i)
    .innerJoin(p, eq(p.id, i.personId))
    .where(and(eq(i.kind, kind), eq(i.scope, scope), eq(i.value, value), eq(p.status, 'active')));
  return row?.personId;
}

export async function personById(u: Unit, personId: string): Promise<PersonRow | undefined> {
  const p = u.t.persons;
  const [row] = await u.db.select().from(p).where(eq(p.id, personId));
  return row;
}

/**
 * Everything that the rules may know of one person, in six indexed queries, however many people there are. All
 * guardianships come along, in force or not: the rules judge.
 *
 * @param today leaves out enrolments and memberships that are not valid on this day (`2026-11-23`)
 */
export async function personFacts(u: Unit, personId: string, today?: string): Promise<PersonFacts | undefined> {
  const person = await personById(u, personId);
  if (!person) return undefined;
  return {
    id: person.id,
    name: person.name,
    locale: person.locale ?? undefined,
    active: person.status === 'active',
    updatedAt: person.updatedAt,
    identifiers: await identifiersOf(u, personId),
    memberships: await membershipsOf(u, personId, today),
    enrolments: await enrolmentsWhere(u, eq(u.t.enrolments.studentId, personId), today),
    children: await childrenOf(u, personId, today),
  };
}

/** The logins of a person in the one login box; a school account is none. */
export async function identifiersOf(u: Unit, personId: string): Promise<Identifier[]> {
  const { identifiers: i } = u.t;
  const rows = await u.db
    .select({ kind: i.kind, value: i.value, verifiedAt: i.verifiedAt })
    .from(i)
    .where(and(eq(i.personId, personId), ne(i.kind, 'school_account')))
    .orderBy(i.createdAt, i.id);
  return rows.flatMap(toIdentifier);
}

function toIdentifier(row: { kind: IdentifierKind; value: string; verifiedAt: number | null }): Identifier[] {
  if (row.kind === 'school_account') return [];
  return [{ kind: row.kind, value: row.value, verified: row.verifiedAt !== null }];
}

interface ValidityColumns {
  validFrom: Tables['enrolments']['validFrom'] | Tables['memberships']['validFrom'];
  validTo: Tables['enrolments']['validTo'] | Tables['memberships']['validTo'];
}

/** Both ends are included, as in domain/guardianship.ts; ISO days compare as text. */
function validOn(t: ValidityColumns, today: string | undefined): SQL | undefined {
  if (today === undefined) return undefined;
  return and(or(isNull(t.validFrom), lte(t.validFrom, today)), or(isNull(t.validTo), gte(t.validTo, today)));
}

function toValidity(row: { validFrom: string | null; validTo: string | null }): Validity {
  return { validFrom: row.validFrom ?? undefined, validTo: row.validTo ?? undefined };
}

async function membershipsOf(u: Unit, personId: string, today: string | undefined): Promise<Membership[]> {
  const { memberships: m, schools: s } = u.t;
  const rows = await u.db
    .select({ membership: m, school: s })
    .from(m)
    .leftJoin(s, eq(s.code, m.schoolCode))
    .where(and(eq(m.personId, personId), validOn(m, today)))
    .orderBy(m.id);
  return rows.map(({ membership, school }) => ({
    id: membership.id,
    personId,
    role: membership.role,
    school: school ?? undefined,
    primary: membership.isPrimary,
    ...toValidity(membership),
  }));
}

async function enrolmentsWhere(u: Unit, who: SQL, today: string | undefined): Promise<Enrolment[]> {
  const { enrolments: e, classes: c, schools: s } = u.t;
  const rows = await u.db
    .select({ enrolment: e, class: c, school: s })
    .from(e)
    .innerJoin(c, eq(c.id, e.classId))
    .innerJoin(s, eq(s.code, c.schoolCode))
    .where(and(who, validOn(e, today)))
    .orderBy(c.year, c.semester, e.id);
  return rows.map(({ enrolment, class: { year, semester, grade, classno, classtitle }, school }) => ({
    id: enrolment.id,
    studentId: enrolment.studentId,
    school,
    year,
    semester,
    grade,
    classno,
    classtitle,
    seat: enrolment.seat,
    ...toValidity(enrolment),
  }));
}

async function childrenOf(u: Unit, guardianId: string, today: string | undefined): Promise<Child[]> {
  const { guardianships: g, persons: p, enrolments: e } = u.t;
  const rows = await u.db
    .select({ guardianship: g, name: p.name })
    .from(g)
    .innerJoin(p, eq(p.id, g.studentId))
    .where(eq(g.guardianId, guardianId))
    .orderBy(g.createdAt, g.id);
  if (rows.length === 0) return [];
  // The ids themselves, not a subquery: PostgreSQL without fresh statistics would scan all enrolments of the city.
  const studentIds = rows.map(({ guardianship }) => guardianship.studentId);
  const enrolments = Map.groupBy(
    await enrolmentsWhere(u, inArray(e.studentId, studentIds), today),
    (enrolment) => enrolment.studentId,
  );
  return rows.map(({ guardianship: row, name }) => ({
    guardianship: {
      id: row.id,
      guardianId,
      studentId: row.studentId,
      relation: row.relation,
      authority: row.authority,
      permissions: row.permissions,
      state: row.state,
      ...toValidity(row),
    },
    name,
    enrolments: enrolments.get(row.studentId) ?? [],
  }));
}

/** @throws {ConflictError} `nationalId` when this ID belongs to a person already */
export async function insertPerson(u: Unit, person: NewPerson): Promise<void> {
  const p = u.t.persons;
  // "Do nothing" and no row, not an error: an error would spoil the whole unit on PostgreSQL.
  const rows = await u.db
    .insert(p)
    .values(person)
    .onConflictDoNothing({ target: p.nationalIdLookup })
    .returning({ id: p.id });
  if (rows.length === 0) throw new ConflictError('nationalId');
}

/** @throws {ConflictError} `identifier` when this login name belongs to somebody, or to this person already */
export async function insertIdentifier(u: Unit, identifier: NewIdentifier): Promise<void> {
  const i = u.t.identifiers;
  const rows = await u.db
    .insert(i)
    .values(identifier)
    .onConflictDoNothing({ target: [i.kind, i.scope, i.value] })
    .returning({ id: i.id });
  if (rows.length === 0) throw new ConflictError('identifier');
}

/** Whether anybody signs in with an address that can not exist (RFC 2606): somebody invented. */
export async function hasExampleLogins(u: Unit): Promise<boolean> {
  const i = u.t.identifiers;
  const invented = and(eq(i.kind, 'email'), like(i.value, '%.example'));
  const rows = await u.db.select({ id: i.id }).from(i).where(invented).limit(1);
  return rows.length > 0;
}

export async function insertSchoolAccount(u: Unit, account: NewSchoolAccount): Promise<void> {
  await u.db.insert(u.t.schoolAccounts).values(account);
}

/** @returns false when there is no such person */
export async function setPersonStatus(u: Unit, personId: string, status: PersonStatus, now: number): Promise<boolean> {
  const p = u.t.persons;
  const rows = await u.db.update(p).set({ status, updatedAt: now }).where(eq(p.id, personId)).returning({ id: p.id });
  return rows.length > 0;
}
