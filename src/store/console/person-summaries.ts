import { and, asc, eq, inArray } from 'drizzle-orm';
import type { ClassName } from '../../domain/class-name.ts';
import type { School, StaffRole, Validity } from '../../domain/model.ts';
import type { Transaction } from '../database/index.ts';
import { schoolColumns } from '../people/schools.ts';
import { isCurrentGuardianship } from './search.ts';
import type { IdentifierKind, PersonKind, PersonStatus } from '../schema/people.ts';
import { toValidity } from '../people/validity.ts';

interface PersonLogin {
  personId: string;
  kind: IdentifierKind;
  value: string;
  scope: string;
  isVerified: boolean;
}

/** A person as a list of the console shows them. */
export interface PersonSummary {
  id: string;
  name: string;
  kind: PersonKind;
  status: PersonStatus;
  /** Normalized logins; a school account has its school code as `scope`. */
  logins: readonly PersonLogin[];
  memberships: readonly (Validity & { role: StaffRole; duty: string | undefined; school: School | undefined })[];
  enrollments: readonly ClassPlace[];
  /** Of current guardianships, suspended ones included. */
  children: readonly { id: string; name: string }[];
}

/** The place of a pupil in a class. */
interface ClassPlace extends Validity, ClassName {
  id: string;
  school: School;
  year: number;
  semester: number;
  classId: string;
  seat: number;
  studentNumber: string;
}

/** Loads a page of people in five indexed queries, in the order of the ids. `today` is the day of the guardianships. */
export async function listPersonSummaries(
  tx: Transaction,
  ids: readonly string[],
  today: string,
): Promise<PersonSummary[]> {
  if (ids.length === 0) return [];
  const { persons } = tx.tables;
  const people = tx.db
    .select({ id: persons.id, name: persons.name, kind: persons.kind, status: persons.status })
    .from(persons)
    .where(inArray(persons.id, [...ids]));
  // PostgreSQL gets queries that do not depend on each other at once.
  const [found, logins, memberships, enrollments, children] = await Promise.all([
    people,
    listLogins(tx, ids),
    listMemberships(tx, ids),
    listClassPlaces(tx, ids),
    listChildren(tx, ids, today),
  ]);
  const byId = new Map(
    found.map((person) => [
      person.id,
      {
        ...person,
        logins: logins.filter(({ personId }) => personId === person.id),
        memberships: memberships.filter(({ personId }) => personId === person.id),
        enrollments: enrollments.filter(({ studentId }) => studentId === person.id),
        children: children.filter(({ guardianId }) => guardianId === person.id),
      },
    ]),
  );
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** Lists the logins of people, the oldest first. */
export async function listLogins(tx: Transaction, ids: readonly string[]): Promise<PersonLogin[]> {
  const { identifiers } = tx.tables;
  const rows = await tx.db
    .select({
      personId: identifiers.personId,
      kind: identifiers.kind,
      value: identifiers.value,
      scope: identifiers.scope,
      verifiedAt: identifiers.verifiedAt,
    })
    .from(identifiers)
    .where(inArray(identifiers.personId, [...ids]))
    .orderBy(asc(identifiers.createdAt), asc(identifiers.id));
  return rows.map(({ verifiedAt, ...row }) => ({ ...row, isVerified: verifiedAt !== null }));
}

async function listMemberships(tx: Transaction, ids: readonly string[]) {
  const { memberships, schools } = tx.tables;
  const rows = await tx.db
    .select({
      personId: memberships.personId,
      role: memberships.role,
      duty: memberships.duty,
      validFrom: memberships.validFrom,
      validTo: memberships.validTo,
      school: schoolColumns(schools),
    })
    .from(memberships)
    .leftJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(inArray(memberships.personId, [...ids]))
    .orderBy(asc(memberships.id));
  return rows.map(({ duty, school, ...row }) => ({
    ...row,
    duty: duty ?? undefined,
    school: school ?? undefined,
    ...toValidity(row),
  }));
}

async function listClassPlaces(tx: Transaction, ids: readonly string[]) {
  const { enrollments, classes, schools } = tx.tables;
  const rows = await tx.db
    .select({
      studentId: enrollments.studentId,
      id: enrollments.id,
      school: schoolColumns(schools),
      year: classes.year,
      semester: classes.semester,
      classId: classes.id,
      grade: classes.grade,
      classno: classes.classno,
      classtitle: classes.classtitle,
      seat: enrollments.seat,
      studentNumber: enrollments.studentNumber,
      validFrom: enrollments.validFrom,
      validTo: enrollments.validTo,
    })
    .from(enrollments)
    .innerJoin(classes, eq(classes.id, enrollments.classId))
    .innerJoin(schools, eq(schools.code, classes.schoolCode))
    .where(inArray(enrollments.studentId, [...ids]));
  return rows.map((row) => ({ ...row, ...toValidity(row) }));
}

async function listChildren(tx: Transaction, ids: readonly string[], today: string) {
  const { guardianships, persons } = tx.tables;
  return tx.db
    .select({ guardianId: guardianships.guardianId, id: persons.id, name: persons.name })
    .from(guardianships)
    .innerJoin(persons, eq(persons.id, guardianships.studentId))
    .where(and(inArray(guardianships.guardianId, [...ids]), isCurrentGuardianship(tx, today)))
    .orderBy(asc(guardianships.createdAt), asc(guardianships.id));
}
