import { and, asc, count, desc, eq, gt, gte, inArray, lt, sql, type SQL } from 'drizzle-orm';
import { ACCOUNT_POLICY } from '../../domain/throttling/throttle.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';
import { isCurrentGuardianship, peopleOfSchools, type SearchScope } from './search.ts';

export type SignInCount = Tables['signInCounts']['$inferSelect'];
export type ClientCount = Tables['clientCounts']['$inferSelect'];
type AccountCount = Tables['accountCounts']['$inferSelect'];
type SchoolScope = Extract<SearchScope, { kind: 'schools' }>;

/** The school code of the numbers of the whole city. */
export const CITY = '';

/** Adds to the counts. The rows must be sorted by their keys, so that two nodes never wait for each other. */
export async function addSignInCounts(tx: Transaction, rows: readonly SignInCount[]): Promise<void> {
  const { signInCounts } = tx.tables;
  if (rows.length === 0) return;
  await tx.db
    .insert(signInCounts)
    .values([...rows])
    .onConflictDoUpdate({
      target: [signInCounts.schoolCode, signInCounts.hour, signInCounts.outcome],
      set: { count: sql`${signInCounts.count} + excluded.count` },
    });
}

/** Adds to the counts, as `addSignInCounts` does. */
export async function addClientCounts(tx: Transaction, rows: readonly ClientCount[]): Promise<void> {
  const { clientCounts } = tx.tables;
  if (rows.length === 0) return;
  await tx.db
    .insert(clientCounts)
    .values([...rows])
    .onConflictDoUpdate({
      target: [clientCounts.schoolCode, clientCounts.day, clientCounts.clientId],
      set: { count: sql`${clientCounts.count} + excluded.count` },
    });
}

/** Lists the counts of a school from an hour on, oldest first. */
export function listSignInCounts(tx: Transaction, schoolCode: string, fromHour: number): Promise<SignInCount[]> {
  const { signInCounts } = tx.tables;
  return tx.db
    .select()
    .from(signInCounts)
    .where(and(eq(signInCounts.schoolCode, schoolCode), gte(signInCounts.hour, fromHour)))
    .orderBy(asc(signInCounts.hour), asc(signInCounts.outcome));
}

/** Lists the clients with the most sign-ins from a day on. */
export async function listClientTotals(
  tx: Transaction,
  schoolCode: string,
  fromDay: string,
  limit: number,
): Promise<{ clientId: string; count: number }[]> {
  const { clientCounts } = tx.tables;
  const total = sql<number>`sum(${clientCounts.count})`.mapWith(Number);
  return tx.db
    .select({ clientId: clientCounts.clientId, count: total })
    .from(clientCounts)
    .where(and(eq(clientCounts.schoolCode, schoolCode), gte(clientCounts.day, fromDay)))
    .groupBy(clientCounts.clientId)
    .orderBy(desc(total), asc(clientCounts.clientId))
    .limit(limit);
}

/** Lists the daily numbers of accounts from a day on, oldest first. */
export function listAccountCounts(tx: Transaction, schoolCode: string, fromDay: string): Promise<AccountCount[]> {
  const { accountCounts } = tx.tables;
  return tx.db
    .select()
    .from(accountCounts)
    .where(and(eq(accountCounts.schoolCode, schoolCode), gte(accountCounts.day, fromDay)))
    .orderBy(asc(accountCounts.day));
}

export async function upsertAccountCount(tx: Transaction, row: AccountCount): Promise<void> {
  const { accountCounts } = tx.tables;
  const { people, withPassword } = row;
  await tx.db
    .insert(accountCounts)
    .values(row)
    .onConflictDoUpdate({
      target: [accountCounts.schoolCode, accountCounts.day],
      set: { people, withPassword },
    });
}

/** Counts the active accounts of schools or classes, and those with an own password. */
export async function countAccounts(
  tx: Transaction,
  scope: SchoolScope,
  today: string,
): Promise<{ people: number; withPassword: number }> {
  const { persons, passwords } = tx.tables;
  const [row] = await tx.db
    .select({ people: count(), withPassword: count(passwords.personId) })
    .from(persons)
    .leftJoin(passwords, eq(passwords.personId, persons.id))
    .where(and(sql`${persons.id} in (${peopleOfSchools(tx, scope, today)})`, eq(persons.status, 'active')));
  return row ?? { people: 0, withPassword: 0 };
}

/** Counts the active accounts among the next `limit` people in the order of ids. `lastId` is undefined at the end. */
export async function countAccountsAfter(
  tx: Transaction,
  afterId: string,
  limit: number,
): Promise<{ people: number; withPassword: number; lastId: string | undefined }> {
  const { persons, passwords } = tx.tables;
  const rows = await tx.db
    .select({ id: persons.id, status: persons.status, password: passwords.personId })
    .from(persons)
    .leftJoin(passwords, eq(passwords.personId, persons.id))
    .where(gt(persons.id, afterId))
    .orderBy(asc(persons.id))
    .limit(limit);
  const active = rows.filter(({ status }) => status === 'active');
  return {
    people: active.length,
    withPassword: active.filter(({ password }) => password !== null).length,
    lastId: rows.length < limit ? undefined : rows.at(-1)?.id,
  };
}

/** The prefixes of the keys of the counters that lock a person. */
export interface LockKeyPrefixes {
  passwords: string;
  /** Wrong codes of the authenticator app, which lock only people who have one. */
  codes: string;
}

/** Lists up to `limit` people whose password or authenticator app is locked. A partial index holds only their counters. */
export async function listLockedPersonIds(
  tx: Transaction,
  prefixes: LockKeyPrefixes,
  limit: number,
): Promise<string[]> {
  const byPassword = await listLockedKeys(tx, prefixes.passwords, limit);
  const byCode = await listLockedKeys(tx, prefixes.codes, limit);
  const withApp = byCode.length === 0 ? [] : await listPeopleWithTotp(tx, byCode);
  return [...new Set([...byPassword, ...withApp])].slice(0, limit);
}

/** Lists the keys of locked counters without their prefix. */
async function listLockedKeys(tx: Transaction, keyPrefix: string, limit: number): Promise<string[]> {
  const { throttles } = tx.tables;
  const rows = await tx.db
    .select({ key: throttles.key })
    .from(throttles)
    .where(
      and(
        sql`failures >= ${sql.raw(String(ACCOUNT_POLICY.lockAfterFailures))}`,
        sql`substr(${throttles.key}, 1, ${keyPrefix.length}) = ${keyPrefix}`,
      ),
    )
    .orderBy(asc(throttles.key))
    .limit(limit);
  return rows.map(({ key }) => key.slice(keyPrefix.length));
}

async function listPeopleWithTotp(tx: Transaction, personIds: readonly string[]): Promise<string[]> {
  const { secondFactors } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ personId: secondFactors.personId })
    .from(secondFactors)
    .where(and(inArray(secondFactors.personId, [...personIds]), eq(secondFactors.kind, 'totp')));
  return rows.map(({ personId }) => personId);
}

/** Counts the people of a list who belong to schools or classes. */
export async function countInScope(
  tx: Transaction,
  ids: readonly string[],
  scope: SchoolScope,
  today: string,
): Promise<number> {
  const { persons } = tx.tables;
  if (ids.length === 0) return 0;
  const [row] = await tx.db
    .select({ total: count() })
    .from(persons)
    .where(and(inArray(persons.id, [...ids]), sql`${persons.id} in (${peopleOfSchools(tx, scope, today)})`));
  return row?.total ?? 0;
}

/** Lists the schools of people: as pupil, guardian, school account and staff. A pair may occur twice. */
export async function listSchoolsOfPeople(
  tx: Transaction,
  ids: readonly string[],
  today: string,
): Promise<{ personId: string; schoolCode: string }[]> {
  const { enrollments, guardianships, memberships, schoolAccounts } = tx.tables;
  const isCurrent = (validTo: SQL | typeof enrollments.validTo | typeof memberships.validTo): SQL =>
    sql`(${validTo} is null or ${validTo} >= ${today})`;
  const pupils = await tx.db
    .select({ personId: enrollments.studentId, schoolCode: enrollments.schoolCode })
    .from(enrollments)
    .where(and(inArray(enrollments.studentId, [...ids]), isCurrent(enrollments.validTo)));
  const guardians = await tx.db
    .select({ personId: guardianships.guardianId, schoolCode: enrollments.schoolCode })
    .from(guardianships)
    .innerJoin(enrollments, eq(enrollments.studentId, guardianships.studentId))
    .where(
      and(
        inArray(guardianships.guardianId, [...ids]),
        isCurrentGuardianship(tx, today),
        isCurrent(enrollments.validTo),
      ),
    );
  const accounts = await tx.db
    .select({ personId: schoolAccounts.personId, schoolCode: enrollments.schoolCode })
    .from(schoolAccounts)
    .innerJoin(enrollments, eq(enrollments.studentId, schoolAccounts.studentId))
    .where(and(inArray(schoolAccounts.personId, [...ids]), isCurrent(enrollments.validTo)));
  const staff = await tx.db
    .select({ personId: memberships.personId, schoolCode: memberships.schoolCode })
    .from(memberships)
    .where(and(inArray(memberships.personId, [...ids]), isCurrent(memberships.validTo)));
  const all = [...pupils, ...guardians, ...accounts, ...staff];
  return all.flatMap(({ personId, schoolCode }) => (schoolCode === null ? [] : { personId, schoolCode }));
}

/** Deletes the numbers of earlier hours and days. */
export async function purgeStatistics(tx: Transaction, before: { hour: number; day: string }): Promise<void> {
  const { signInCounts, clientCounts, accountCounts } = tx.tables;
  await tx.db.delete(signInCounts).where(lt(signInCounts.hour, before.hour));
  await tx.db.delete(clientCounts).where(lt(clientCounts.day, before.day));
  await tx.db.delete(accountCounts).where(lt(accountCounts.day, before.day));
}
