import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { CityPeople } from '../../domain/directory/groups.ts';
import { isInJsonList, preparedSelect, preparedStatement, type Param, type Transaction } from '../database/index.ts';

/*
 * The ids of people with a role, in their order, also of roles that have ended: the service reads the facts of each person.
 */

interface PageQuery {
  after: string;
  limit: number;
}

const teachersOfSchool = preparedStatement(
  ({ db, tables: { memberships } }, param: Param<PageQuery & { schoolCode: string }>) =>
    db
      .selectDistinct({ id: memberships.personId })
      .from(memberships)
      .where(
        and(
          eq(memberships.schoolCode, param('schoolCode')),
          eq(memberships.role, 'teacher'),
          gt(memberships.personId, param('after')),
        ),
      )
      .orderBy(asc(memberships.personId))
      .limit(param('limit')),
);

/** Lists the ids of up to `limit` teachers of a school behind `after`. */
export async function listTeacherIds(
  tx: Transaction,
  schoolCode: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await teachersOfSchool(tx, { schoolCode, after, limit });
  return rows.map(({ id }) => id);
}

const studentsOfSchool = preparedStatement(
  ({ db, tables: { enrollments } }, param: Param<PageQuery & { schoolCode: string }>) =>
    db
      .selectDistinct({ id: enrollments.studentId })
      .from(enrollments)
      .where(and(eq(enrollments.schoolCode, param('schoolCode')), gt(enrollments.studentId, param('after'))))
      .orderBy(asc(enrollments.studentId))
      .limit(param('limit')),
);

/** Lists the ids of up to `limit` students of a school behind `after`. */
export async function listStudentIds(
  tx: Transaction,
  schoolCode: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await studentsOfSchool(tx, { schoolCode, after, limit });
  return rows.map(({ id }) => id);
}

const studentsOfClass = preparedStatement(
  ({ db, tables: { classes, enrollments } }, param: Param<PageQuery & { schoolCode: string; classno: string }>) =>
    db
      .selectDistinct({ id: enrollments.studentId })
      .from(classes)
      .innerJoin(enrollments, eq(enrollments.classId, classes.id))
      .where(
        and(
          eq(classes.schoolCode, param('schoolCode')),
          eq(classes.classno, param('classno')),
          gt(enrollments.studentId, param('after')),
        ),
      )
      .orderBy(asc(enrollments.studentId))
      .limit(param('limit')),
);

/** Lists the ids of up to `limit` students of a class behind `after`, of each term that has a class with this number. */
export async function listClassStudentIds(
  tx: Transaction,
  { schoolCode, classno }: { schoolCode: string; classno: string },
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await studentsOfClass(tx, { schoolCode, classno, after, limit });
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

const numbersOfSchools = preparedSelect(
  ({ db, dialect, tables: { classes } }, param: Param<{ schoolCodes: string }>) => {
    const fields = { schoolCode: classes.schoolCode, classno: classes.classno };
    const query = db
      .selectDistinct(fields)
      .from(classes)
      .where(isInJsonList(classes.schoolCode, param('schoolCodes'), dialect));
    return { fields, query };
  },
);

const numbersOfClasses = preparedSelect(
  ({ db, dialect, tables: { classes } }, param: Param<{ schoolCodes: string; numbers: string }>) => {
    const fields = { schoolCode: classes.schoolCode, classno: classes.classno };
    const query = db
      .selectDistinct(fields)
      .from(classes)
      .where(
        and(
          isInJsonList(classes.schoolCode, param('schoolCodes'), dialect),
          isInJsonList(classes.classno, param('numbers'), dialect),
        ),
      );
    return { fields, query };
  },
);

/**
 * Lists the numbers of the classes that schools have, or had.
 *
 * @param numbers undefined for all numbers
 */
export async function listClassNumbers(
  tx: Transaction,
  schoolCodes: readonly string[],
  numbers?: readonly string[],
): Promise<{ schoolCode: string; classno: string }[]> {
  if (schoolCodes.length === 0) return [];
  const schools = { schoolCodes: JSON.stringify(schoolCodes) };
  if (numbers === undefined) return numbersOfSchools(tx, schools);
  return numbersOfClasses(tx, { ...schools, numbers: JSON.stringify(numbers) });
}
