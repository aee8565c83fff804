import { and, asc, count, desc, eq, inArray, isNull, like, notLike, sql } from 'drizzle-orm';

import type { School, StaffRole, Validity } from '../../domain/model.ts';
import { isInJsonList, preparedSelect, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';
import { toValidity } from './validity.ts';

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

export async function insertMembership(tx: Transaction, membership: NewMembership): Promise<void> {
  await tx.db.insert(tx.tables.memberships).values(membership);
}

const byCodes = preparedSelect(({ db, dialect, tables: { schools } }, param: Param<{ codes: string }>) => {
  const fields = schoolColumns(schools);
  const query = db
    .select(fields)
    .from(schools)
    .where(isInJsonList(schools.code, param('codes'), dialect))
    .orderBy(schools.code);
  return { fields, query };
});

/** Lists schools by their codes, in the order of the codes. */
export async function listSchoolsByCode(tx: Transaction, codes: readonly string[]): Promise<School[]> {
  return codes.length === 0 ? [] : byCodes(tx, { codes: JSON.stringify(codes) });
}

/** A school with its district, which may be empty, and the time when the bureau closed it, ms since 1970. */
export type SchoolRow = School & { district: string; closedAt: number | null };

/** Lists all schools of the city, a few hundred, in the order of the codes. */
export async function listSchools(tx: Transaction): Promise<SchoolRow[]> {
  return tx.db.select().from(tx.tables.schools).orderBy(asc(tx.tables.schools.code));
}

/** Lists the schools that are not closed, with their districts, in the order of the codes. */
export function listOpenSchools(tx: Transaction): Promise<(School & { district: string })[]> {
  const { schools } = tx.tables;
  return tx.db
    .select({ ...schoolColumns(schools), district: schools.district })
    .from(schools)
    .where(isNull(schools.closedAt))
    .orderBy(asc(schools.code));
}

export async function findSchool(tx: Transaction, code: string): Promise<SchoolRow | undefined> {
  const [row] = await tx.db.select().from(tx.tables.schools).where(eq(tx.tables.schools.code, code));
  return row;
}

/** Returns true if exact matches of the register approve applications at a school. */
export async function isRegisterChecked(tx: Transaction, code: string): Promise<boolean> {
  const { schools } = tx.tables;
  const [row] = await tx.db.select({ isOn: schools.isRegisterChecked }).from(schools).where(eq(schools.code, code));
  return row?.isOn === true;
}

export type RegisterSchool = School & { isRegisterChecked: boolean };

/** Lists open schools with their use of the register, in the order of the codes. @param codes undefined for all schools */
export function listRegisterSchools(tx: Transaction, codes: readonly string[] | undefined): Promise<RegisterSchool[]> {
  const { schools } = tx.tables;
  return tx.db
    .select({ ...schoolColumns(schools), isRegisterChecked: schools.isRegisterChecked })
    .from(schools)
    .where(and(isNull(schools.closedAt), codes && inArray(schools.code, [...codes])))
    .orderBy(asc(schools.code));
}

/** Lets the register approve exact matches at an open school, or not. @returns false if nothing has changed */
export async function setRegisterChecked(tx: Transaction, code: string, isOn: boolean): Promise<boolean> {
  const { schools } = tx.tables;
  const rows = await tx.db
    .update(schools)
    .set({ isRegisterChecked: isOn })
    .where(and(eq(schools.code, code), isNull(schools.closedAt), eq(schools.isRegisterChecked, !isOn)))
    .returning({ code: schools.code });
  return rows.length > 0;
}

/** Finds a school that is not closed, and locks it against closing until the transaction ends. SQLite has one writer. */
export function findOpenSchoolForShare(tx: Transaction, code: string): Promise<School | undefined> {
  return findOpenSchool(tx, code, 'for share');
}

/** Like `findOpenSchoolForShare`, and lets one transaction at a time change what belongs to the school. */
export function findOpenSchoolForUpdate(tx: Transaction, code: string): Promise<School | undefined> {
  return findOpenSchool(tx, code, 'for no key update');
}

async function findOpenSchool(
  tx: Transaction,
  code: string,
  lockOfPostgres: 'for share' | 'for no key update',
): Promise<School | undefined> {
  const schools = tx.tables.schools;
  const isOpen = and(eq(schools.code, code), isNull(schools.closedAt));
  const lock = sql.raw(tx.dialect === 'postgres' ? lockOfPostgres : '');
  const [row] = await tx.db
    .select(schoolColumns(schools))
    .from(schools)
    .where(sql`${isOpen} ${lock}`);
  return row;
}

/** @returns false if the code exists */
export async function insertNewSchool(tx: Transaction, school: Omit<SchoolRow, 'closedAt'>): Promise<boolean> {
  const schools = tx.tables.schools;
  const rows = await tx.db
    .insert(schools)
    .values(school)
    .onConflictDoNothing({ target: schools.code })
    .returning({ code: schools.code });
  return rows.length > 0;
}

/** Replaces a school if it still equals `before`. @returns false if it has changed, without any effect */
export async function replaceSchool(tx: Transaction, before: SchoolRow, after: SchoolRow): Promise<boolean> {
  const schools = tx.tables.schools;
  const rows = await tx.db
    .update(schools)
    .set({
      name: after.name,
      nameEn: after.nameEn,
      type: after.type,
      district: after.district,
      closedAt: after.closedAt,
    })
    .where(
      and(
        eq(schools.code, before.code),
        eq(schools.name, before.name),
        eq(schools.nameEn, before.nameEn),
        eq(schools.type, before.type),
        eq(schools.district, before.district),
        before.closedAt === null ? isNull(schools.closedAt) : eq(schools.closedAt, before.closedAt),
      ),
    )
    .returning({ code: schools.code });
  return rows.length > 0;
}

/** A membership with its school. */
export interface NamedMembership extends Validity {
  id: string;
  personId: string;
  role: StaffRole;
  duty: string | undefined;
  school: School | undefined;
}

/** Lists the memberships of a person, past and future ones included, the latest first. */
export async function listMemberships(tx: Transaction, personId: string): Promise<NamedMembership[]> {
  const { memberships, schools } = tx.tables;
  const rows = await tx.db
    .select({
      id: memberships.id,
      personId: memberships.personId,
      role: memberships.role,
      duty: memberships.duty,
      validFrom: memberships.validFrom,
      validTo: memberships.validTo,
      school: schoolColumns(schools),
    })
    .from(memberships)
    .leftJoin(schools, eq(schools.code, memberships.schoolCode))
    .where(eq(memberships.personId, personId))
    .orderBy(desc(memberships.validFrom), asc(memberships.id));
  return rows.map((row) => ({
    ...row,
    duty: row.duty ?? undefined,
    school: row.school ?? undefined,
    ...toValidity(row),
  }));
}

/** Sets the last day of a membership. */
export async function endMembership(tx: Transaction, id: string, validTo: string): Promise<void> {
  const memberships = tx.tables.memberships;
  await tx.db.update(memberships).set({ validTo }).where(eq(memberships.id, id));
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

/** Lists the codes of all schools. */
export async function listSchoolCodes(tx: Transaction): Promise<string[]> {
  const { schools } = tx.tables;
  const rows = await tx.db.select({ code: schools.code }).from(schools).orderBy(schools.code);
  return rows.map(({ code }) => code);
}
