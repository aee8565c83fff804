import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { CityPeople } from '../../domain/directory/groups.ts';
import type { Transaction } from '../database/index.ts';

/*
 * The ids of people with a role, in their order, also of roles that have ended: the service reads the facts of each person.
 */

/** Lists the ids of up to `limit` teachers of a school behind `after`. */
export async function listTeacherIds(
  tx: Transaction,
  schoolCode: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const { memberships } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: memberships.personId })
    .from(memberships)
    .where(
      and(eq(memberships.schoolCode, schoolCode), eq(memberships.role, 'teacher'), gt(memberships.personId, after)),
    )
    .orderBy(asc(memberships.personId))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Lists the ids of up to `limit` students of a school behind `after`. */
export async function listStudentIds(
  tx: Transaction,
  schoolCode: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const { enrollments } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: enrollments.studentId })
    .from(enrollments)
    .where(and(eq(enrollments.schoolCode, schoolCode), gt(enrollments.studentId, after)))
    .orderBy(asc(enrollments.studentId))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Lists the ids of up to `limit` students of a class behind `after`, of each term that has a class with this number. */
export async function listClassStudentIds(
  tx: Transaction,
  { schoolCode, classno }: { schoolCode: string; classno: string },
  after: string,
  limit: number,
): Promise<string[]> {
  const { classes, enrollments } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: enrollments.studentId })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .where(and(eq(classes.schoolCode, schoolCode), eq(classes.classno, classno), gt(enrollments.studentId, after)))
    .orderBy(asc(enrollments.studentId))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Lists the ids of up to `limit` people of a group of the whole city behind `after`. */
export async function listCityIds(
  { db, tables: { memberships, enrollments, guardianships } }: Transaction,
  people: CityPeople,
  after: string,
  limit: number,
): Promise<string[]> {
  const [id, table, condition] = {
    teachers: [memberships.personId, memberships, eq(memberships.role, 'teacher')] as const,
    students: [enrollments.studentId, enrollments, undefined] as const,
    parents: [guardianships.guardianId, guardianships, eq(guardianships.state, 'active')] as const,
  }[people];
  const rows = await db
    .selectDistinct({ id: sql<string>`${id}` })
    .from(table)
    .where(and(gt(id, after), condition))
    .orderBy(asc(id))
    .limit(limit);
  return rows.map((row) => row.id);
}

/** Lists the numbers of the classes that schools have, or had. */
export async function listClassNumbers(
  tx: Transaction,
  schoolCodes: readonly string[],
): Promise<{ schoolCode: string; classno: string }[]> {
  const { classes } = tx.tables;
  if (schoolCodes.length === 0) return [];
  return tx.db
    .selectDistinct({ schoolCode: classes.schoolCode, classno: classes.classno })
    .from(classes)
    .where(inArray(classes.schoolCode, [...schoolCodes]));
}
