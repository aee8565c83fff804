import { count, inArray, like, notLike } from 'drizzle-orm';

import type { School } from '../../domain/model.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

type NewClass = Tables['classes']['$inferInsert'];
type NewEnrollment = Tables['enrollments']['$inferInsert'];
type NewMembership = Tables['memberships']['$inferInsert'];

/** Selects what people and apps see of a school. The first column is never null, which Drizzle needs for a missing join. */
export function schoolColumns({
  code,
  name,
  nameEn,
  type,
}: Tables['schools']): Pick<Tables['schools'], 'code' | 'name' | 'nameEn' | 'type'> {
  return { code, name, nameEn, type };
}

export async function insertSchool(tx: Transaction, school: School): Promise<void> {
  await tx.db.insert(tx.tables.schools).values(school);
}

export async function insertClass(tx: Transaction, newClass: NewClass): Promise<void> {
  await tx.db.insert(tx.tables.classes).values(newClass);
}

export async function insertEnrollment(tx: Transaction, enrollment: NewEnrollment): Promise<void> {
  await tx.db.insert(tx.tables.enrollments).values(enrollment);
}

export async function insertMembership(tx: Transaction, membership: NewMembership): Promise<void> {
  await tx.db.insert(tx.tables.memberships).values(membership);
}

/** Lists schools by their codes, in the order of the codes. */
export async function listSchoolsByCode(tx: Transaction, codes: readonly string[]): Promise<School[]> {
  const schools = tx.tables.schools;
  if (codes.length === 0) return [];
  return tx.db
    .select(schoolColumns(schools))
    .from(schools)
    .where(inArray(schools.code, [...codes]))
    .orderBy(schools.code);
}

/** Counts the schools of the demo city. Their codes begin with 99, unlike those of real schools. */
export async function countDemoSchools(tx: Transaction): Promise<number> {
  const schools = tx.tables.schools;
  const [row] = await tx.db.select({ total: count() }).from(schools).where(like(schools.code, '99%'));
  return row?.total ?? 0;
}

/** Counts the schools of a real city. */
export async function countCitySchools(tx: Transaction): Promise<number> {
  const schools = tx.tables.schools;
  const [row] = await tx.db.select({ total: count() }).from(schools).where(notLike(schools.code, '99%'));
  return row?.total ?? 0;
}
