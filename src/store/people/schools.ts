import { count, like, notLike } from 'drizzle-orm';

import type { School } from '../../domain/model.ts';
import type { Unit } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type NewClass = Tables['classes']['$inferInsert'];
export type NewEnrolment = Tables['enrolments']['$inferInsert'];
export type NewMembership = Tables['memberships']['$inferInsert'];

export async function insertSchool(u: Unit, school: School): Promise<void> {
  await u.db.insert(u.t.schools).values(school);
}

export async function insertClass(u: Unit, newClass: NewClass): Promise<void> {
  await u.db.insert(u.t.classes).values(newClass);
}

export async function insertEnrolment(u: Unit, enrolment: NewEnrolment): Promise<void> {
  await u.db.insert(u.t.enrolments).values(enrolment);
}

export async function insertMembership(u: Unit, membership: NewMembership): Promise<void> {
  await u.db.insert(u.t.memberships).values(membership);
}

/** How many schools of the demo city there are: their codes begin with 99, which no real school's does. */
export async function countDemoSchools(u: Unit): Promise<number> {
  const s = u.t.schools;
  const [row] = await u.db.select({ n: count() }).from(s).where(like(s.code, '99%'));
  return row?.n ?? 0;
}

/** How many schools of a real city there are. */
export async function countCitySchools(u: Unit): Promise<number> {
  const s = u.t.schools;
  const [row] = await u.db.select({ n: count() }).from(s).where(notLike(s.code, '99%'));
  return row?.n ?? 0;
}
