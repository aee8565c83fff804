import { eq, inArray } from 'drizzle-orm';
import type { HomeroomClass, StaffMembership } from '../../domain/access/capacities.ts';
import type { PolicyFacts, PupilEnrollment } from '../../domain/access/target.ts';
import type { Transaction } from '../database/index.ts';
import { toValidity } from './validity.ts';

/** Loads what the access policy depends on. @returns undefined if there is no such person */
export async function loadPolicyFacts(tx: Transaction, personId: string): Promise<PolicyFacts | undefined> {
  const [facts] = await listPolicyFacts(tx, [personId]);
  return facts;
}

/** Loads what the access policy depends on for a page of people, in five indexed queries. */
export async function listPolicyFacts(tx: Transaction, personIds: readonly string[]): Promise<PolicyFacts[]> {
  if (personIds.length === 0) return [];
  // PostgreSQL gets queries that do not depend on each other at once.
  const [persons, staff, guardianships] = await Promise.all([
    listPersons(tx, personIds),
    listStaffFacts(tx, personIds),
    listGuardianships(tx, personIds),
  ]);
  const pupilIds = [
    ...personIds,
    ...guardianships.map(({ studentId }) => studentId),
    ...persons.flatMap(({ studentId }) => studentId ?? []),
  ];
  const enrollments = await listEnrollments(tx, pupilIds);
  return persons.map(({ id, studentId }) => ({
    id,
    memberships: staff.memberships.filter(({ personId }) => personId === id),
    homeroomClasses: staff.homeroomClasses.filter(({ teacherId }) => teacherId === id),
    guardianships: guardianships.filter(({ guardianId }) => guardianId === id),
    schoolAccountOf: studentId ?? undefined,
    // Those of the other people of the page do no harm: the policy reads those of the pupils of this person only.
    enrollments,
  }));
}

/** The memberships and homeroom classes of people, past and future ones included. */
interface StaffFacts {
  memberships: readonly (StaffMembership & { personId: string })[];
  homeroomClasses: readonly (HomeroomClass & { teacherId: string | null })[];
}

/** Loads what the capacities of people depend on, in two indexed queries. */
export async function listStaffFacts(tx: Transaction, personIds: readonly string[]): Promise<StaffFacts> {
  const { memberships, classes, schools } = tx.tables;
  const staff = tx.db
    .select({
      personId: memberships.personId,
      role: memberships.role,
      duty: memberships.duty,
      schoolCode: memberships.schoolCode,
      closedAt: schools.closedAt,
      validFrom: memberships.validFrom,
      validTo: memberships.validTo,
    })
    .from(memberships)
    .leftJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(inArray(memberships.personId, [...personIds]));
  const homerooms = tx.db
    .select({
      teacherId: classes.homeroomTeacherId,
      id: classes.id,
      schoolCode: classes.schoolCode,
      closedAt: schools.closedAt,
      year: classes.year,
      semester: classes.semester,
    })
    .from(classes)
    .innerJoin(schools, eq(schools.code, classes.schoolCode))
    .where(inArray(classes.homeroomTeacherId, [...personIds]));
  const [rows, homeroomClasses] = await Promise.all([staff, homerooms]);
  return {
    memberships: rows.map(({ duty, schoolCode, closedAt, ...row }) => ({
      ...row,
      isSchoolClosed: closedAt !== null,
      duty: duty ?? undefined,
      schoolCode: schoolCode ?? undefined,
      ...toValidity(row),
    })),
    homeroomClasses: homeroomClasses.map(({ closedAt, ...row }) => ({ ...row, isSchoolClosed: closedAt !== null })),
  };
}

function listPersons(tx: Transaction, personIds: readonly string[]) {
  const { persons, schoolAccounts } = tx.tables;
  return tx.db
    .select({ id: persons.id, studentId: schoolAccounts.studentId })
    .from(persons)
    .leftJoin(schoolAccounts, eq(schoolAccounts.personId, persons.id))
    .where(inArray(persons.id, [...personIds]));
}

async function listGuardianships(tx: Transaction, guardianIds: readonly string[]) {
  const { guardianships } = tx.tables;
  const rows = await tx.db
    .select({
      guardianId: guardianships.guardianId,
      studentId: guardianships.studentId,
      state: guardianships.state,
      validFrom: guardianships.validFrom,
      validTo: guardianships.validTo,
    })
    .from(guardianships)
    .where(inArray(guardianships.guardianId, [...guardianIds]));
  return rows.map((row) => ({ ...row, ...toValidity(row) }));
}

async function listEnrollments(tx: Transaction, studentIds: readonly string[]): Promise<PupilEnrollment[]> {
  const { enrollments, classes } = tx.tables;
  const rows = await tx.db
    .select({
      id: enrollments.id,
      studentId: enrollments.studentId,
      classId: enrollments.classId,
      schoolCode: classes.schoolCode,
      year: classes.year,
      semester: classes.semester,
      validFrom: enrollments.validFrom,
      validTo: enrollments.validTo,
    })
    .from(enrollments)
    .innerJoin(classes, eq(classes.id, enrollments.classId))
    .where(inArray(enrollments.studentId, [...new Set(studentIds)]));
  return rows.map(({ schoolCode, ...row }) => ({ ...row, school: { code: schoolCode }, ...toValidity(row) }));
}
