import { eq, inArray } from 'drizzle-orm';
import type { HomeroomClass, StaffMembership } from '../../domain/access/capacities.ts';
import type { PolicyFacts, PupilEnrollment } from '../../domain/access/target.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';

/** Loads what the access policy depends on, in up to five indexed queries. @returns undefined if there is no such person */
export async function loadPolicyFacts(tx: Transaction, personId: string): Promise<PolicyFacts | undefined> {
  const [person] = await personWithAccount(tx, { personId });
  if (person === undefined) return undefined;
  const { memberships, homeroomClasses } = await loadStaffFacts(tx, personId);
  const ofChildren = await guardianshipsOf(tx, { personId });
  const schoolAccountOf = person.studentId ?? undefined;
  const pupilIds = [personId, ...ofChildren.map(({ studentId }) => studentId)];
  return {
    id: personId,
    memberships,
    homeroomClasses,
    guardianships: ofChildren.map((one) => ({ ...one, ...toValidity(one) })),
    schoolAccountOf,
    enrollments: await listEnrollments(tx, schoolAccountOf === undefined ? pupilIds : [...pupilIds, schoolAccountOf]),
  };
}

/** The memberships and homeroom classes of a person, past and future ones included. */
export interface StaffFacts {
  memberships: readonly StaffMembership[];
  homeroomClasses: readonly HomeroomClass[];
}

/** Loads what the capacities of a person depend on, in two indexed queries. */
export async function loadStaffFacts(tx: Transaction, personId: string): Promise<StaffFacts> {
  const rows = await membershipsOf(tx, { personId });
  return {
    memberships: rows.map(({ role, duty, schoolCode, ...validity }) => ({
      role,
      duty: duty ?? undefined,
      schoolCode: schoolCode ?? undefined,
      ...toValidity(validity),
    })),
    homeroomClasses: await homeroomClassesOf(tx, { personId }),
  };
}

const personWithAccount = preparedStatement(
  ({ db, tables: { persons, schoolAccounts } }, param: Param<{ personId: string }>) =>
    db
      .select({ id: persons.id, studentId: schoolAccounts.studentId })
      .from(persons)
      .leftJoin(schoolAccounts, eq(schoolAccounts.personId, persons.id))
      .where(eq(persons.id, param('personId'))),
);

const membershipsOf = preparedStatement(({ db, tables: { memberships } }, param: Param<{ personId: string }>) =>
  db
    .select({
      role: memberships.role,
      duty: memberships.duty,
      schoolCode: memberships.schoolCode,
      validFrom: memberships.validFrom,
      validTo: memberships.validTo,
    })
    .from(memberships)
    .where(eq(memberships.personId, param('personId'))),
);

const homeroomClassesOf = preparedStatement(({ db, tables: { classes } }, param: Param<{ personId: string }>) =>
  db
    .select({ id: classes.id, schoolCode: classes.schoolCode, year: classes.year, semester: classes.semester })
    .from(classes)
    .where(eq(classes.homeroomTeacherId, param('personId'))),
);

const guardianshipsOf = preparedStatement(({ db, tables: { guardianships } }, param: Param<{ personId: string }>) =>
  db
    .select({
      studentId: guardianships.studentId,
      state: guardianships.state,
      validFrom: guardianships.validFrom,
      validTo: guardianships.validTo,
    })
    .from(guardianships)
    .where(eq(guardianships.guardianId, param('personId'))),
);

async function listEnrollments(tx: Transaction, studentIds: readonly string[]): Promise<PupilEnrollment[]> {
  const { enrolments, classes } = tx.tables;
  const rows = await tx.db
    .select({
      id: enrolments.id,
      studentId: enrolments.studentId,
      classId: enrolments.classId,
      schoolCode: classes.schoolCode,
      year: classes.year,
      semester: classes.semester,
      validFrom: enrolments.validFrom,
      validTo: enrolments.validTo,
    })
    .from(enrolments)
    .innerJoin(classes, eq(classes.id, enrolments.classId))
    .where(inArray(enrolments.studentId, [...studentIds]));
  return rows.map(({ schoolCode, ...row }) => ({ ...row, school: { code: schoolCode }, ...toValidity(row) }));
}

function toValidity(row: { validFrom: string | null; validTo: string | null }) {
  return { validFrom: row.validFrom ?? undefined, validTo: row.validTo ?? undefined };
}
