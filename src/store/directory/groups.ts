import { and, asc, eq, gt } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';

/*
 * The ids of people with a role at one school, in their order, also of roles that have ended: the service reads the facts of each person.
 */

/** Lists the ids of teachers behind `after`. */
export async function listTeacherIds(tx: Transaction, schoolCode: string, after: string): Promise<string[]> {
  const { memberships } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: memberships.personId })
    .from(memberships)
    .where(
      and(eq(memberships.schoolCode, schoolCode), eq(memberships.role, 'teacher'), gt(memberships.personId, after)),
    )
    .orderBy(asc(memberships.personId));
  return rows.map(({ id }) => id);
}

/** Lists the ids of students behind `after`. */
export async function listStudentIds(tx: Transaction, schoolCode: string, after: string): Promise<string[]> {
  const { enrollments } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: enrollments.studentId })
    .from(enrollments)
    .where(and(eq(enrollments.schoolCode, schoolCode), gt(enrollments.studentId, after)))
    .orderBy(asc(enrollments.studentId));
  return rows.map(({ id }) => id);
}

/** Lists the ids of the students of a class behind `after`, of each term that has a class with this number. */
export async function listClassStudentIds(
  tx: Transaction,
  { schoolCode, classno }: { schoolCode: string; classno: string },
  after: string,
): Promise<string[]> {
  const { classes, enrollments } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ id: enrollments.studentId })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .where(and(eq(classes.schoolCode, schoolCode), eq(classes.classno, classno), gt(enrollments.studentId, after)))
    .orderBy(asc(enrollments.studentId));
  return rows.map(({ id }) => id);
}

/** Returns true if a school has, or had, a class with this number. */
export async function hasClass(
  tx: Transaction,
  { schoolCode, classno }: { schoolCode: string; classno: string },
): Promise<boolean> {
  const { classes } = tx.tables;
  const [row] = await tx.db
    .select({ id: classes.id })
    .from(classes)
    .where(and(eq(classes.schoolCode, schoolCode), eq(classes.classno, classno)))
    .limit(1);
  return row !== undefined;
}
