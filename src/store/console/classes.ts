import { and, asc, eq, inArray } from 'drizzle-orm';
import type { ClassName } from '../../domain/class-name.ts';
import type { School } from '../../domain/model.ts';
import type { Term } from '../../domain/term.ts';
import type { Transaction } from '../database/index.ts';
import { toValidity } from '../people/validity.ts';

/** A class with its school. */
export interface SchoolClass extends Term, ClassName {
  id: string;
  homeroomTeacherId: string | null;
  school: School;
}

/** A pupil of a class, a guardian of one, or the school account of a family. */
export interface ClassMember {
  personId: string;
  name: string;
  kind: 'pupil' | 'guardian' | 'school_account';
  /** The pupil, also for guardians. */
  pupil: { id: string; name: string; seat: number };
  /** Validity of the place in the class, or of the guardianship. */
  validFrom: string | undefined;
  validTo: string | undefined;
}

function selectClasses(tx: Transaction) {
  const { classes, schools } = tx.tables;
  return tx.db
    .select({
      id: classes.id,
      grade: classes.grade,
      classno: classes.classno,
      classtitle: classes.classtitle,
      year: classes.year,
      semester: classes.semester,
      homeroomTeacherId: classes.homeroomTeacherId,
      school: { code: schools.code, name: schools.name, nameEn: schools.nameEn, type: schools.type },
    })
    .from(classes)
    .innerJoin(schools, eq(schools.code, classes.schoolCode));
}

export async function findClass(tx: Transaction, id: string): Promise<SchoolClass | undefined> {
  const [row] = await selectClasses(tx).where(eq(tx.tables.classes.id, id));
  return row;
}

/** Lists the classes of schools in a term, in the order of their numbers. */
export async function listClassesOfSchools(
  tx: Transaction,
  schoolCodes: readonly string[],
  { year, semester }: Term,
): Promise<SchoolClass[]> {
  const { classes } = tx.tables;
  if (schoolCodes.length === 0) return [];
  return selectClasses(tx)
    .where(and(inArray(classes.schoolCode, [...schoolCodes]), eq(classes.year, year), eq(classes.semester, semester)))
    .orderBy(asc(classes.schoolCode), asc(classes.classno));
}

export async function listClassesById(tx: Transaction, ids: readonly string[]): Promise<SchoolClass[]> {
  const { classes } = tx.tables;
  if (ids.length === 0) return [];
  return selectClasses(tx)
    .where(inArray(classes.id, [...ids]))
    .orderBy(asc(classes.schoolCode), asc(classes.classno));
}

/** Lists the pupils of a class by seat, each followed by the guardians and the school account, in three indexed queries. */
export async function listClassMembers(tx: Transaction, classId: string): Promise<ClassMember[]> {
  const pupils = await listPupils(tx, classId);
  const ids = pupils.map(({ personId }) => personId);
  const others =
    ids.length === 0 ? [] : (await Promise.all([listGuardians(tx, ids), listSchoolAccounts(tx, ids)])).flat();
  return pupils.flatMap((pupil) => [
    pupil,
    ...others
      .filter(({ studentId }) => studentId === pupil.personId)
      .map(({ personId, name, kind, validFrom, validTo }) => ({
        ...{ personId, name, kind, validFrom, validTo, pupil: pupil.pupil },
      })),
  ]);
}

async function listPupils(tx: Transaction, classId: string): Promise<ClassMember[]> {
  const { enrollments, persons } = tx.tables;
  const rows = await tx.db
    .select({
      personId: persons.id,
      name: persons.name,
      seat: enrollments.seat,
      validFrom: enrollments.validFrom,
      validTo: enrollments.validTo,
    })
    .from(enrollments)
    .innerJoin(persons, eq(persons.id, enrollments.studentId))
    .where(eq(enrollments.classId, classId))
    .orderBy(asc(enrollments.seat), asc(persons.id));
  return rows.map(({ personId, name, seat, ...validity }) => ({
    ...{ personId, name, kind: 'pupil' as const, pupil: { id: personId, name, seat } },
    ...toValidity(validity),
  }));
}

async function listGuardians(tx: Transaction, studentIds: readonly string[]) {
  const { guardianships, persons } = tx.tables;
  const rows = await tx.db
    .select({
      studentId: guardianships.studentId,
      personId: persons.id,
      name: persons.name,
      validFrom: guardianships.validFrom,
      validTo: guardianships.validTo,
    })
    .from(guardianships)
    .innerJoin(persons, eq(persons.id, guardianships.guardianId))
    .where(
      and(inArray(guardianships.studentId, [...studentIds]), inArray(guardianships.state, ['active', 'suspended'])),
    )
    .orderBy(asc(guardianships.createdAt), asc(guardianships.id));
  return rows.map((row) => ({ ...row, kind: 'guardian' as const, ...toValidity(row) }));
}

async function listSchoolAccounts(tx: Transaction, studentIds: readonly string[]) {
  const { schoolAccounts, persons } = tx.tables;
  const rows = await tx.db
    .select({ studentId: schoolAccounts.studentId, personId: persons.id, name: persons.name })
    .from(schoolAccounts)
    .innerJoin(persons, eq(persons.id, schoolAccounts.personId))
    .where(inArray(schoolAccounts.studentId, [...studentIds]));
  return rows.map((row) => ({ ...row, kind: 'school_account' as const, validFrom: undefined, validTo: undefined }));
}

/** What the state of an account depends on. */
export interface AccountFacts {
  isActive: boolean;
  version: number;
  hasPassword: boolean;
  hasMailbox: boolean;
  /** Has a login of any kind. */
  hasLogin: boolean;
  first: { kind: 'first' | 'one_time_code'; expiresAt: number; closedAt: number | null } | undefined;
  throttle: { failures: number; blockedUntil: number } | undefined;
  /** Consecutive wrong codes of the authenticator app. */
  wrongCodes: number;
}

/** The keys of the counters of a person. */
export interface CounterKeys {
  passwords: (personId: string) => string;
  codes: (personId: string) => string;
}

/** Loads the facts of many accounts in six indexed queries. */
export async function loadAccountFacts(
  tx: Transaction,
  ids: readonly string[],
  keys: CounterKeys,
): Promise<Map<string, AccountFacts>> {
  if (ids.length === 0) return new Map();
  const { persons, passwords, firstPasswords, identifiers, secondFactors, throttles } = tx.tables;
  const list = [...ids];
  const statuses = tx.db
    .select({ id: persons.id, status: persons.status, version: persons.staffVersion })
    .from(persons)
    .where(inArray(persons.id, list));
  const ownPasswords = tx.db
    .select({ id: passwords.personId })
    .from(passwords)
    .where(inArray(passwords.personId, list));
  const firstOnes = tx.db.select().from(firstPasswords).where(inArray(firstPasswords.personId, list));
  const logins = tx.db
    .select({ id: identifiers.personId, kind: identifiers.kind, verifiedAt: identifiers.verifiedAt })
    .from(identifiers)
    .where(inArray(identifiers.personId, list));
  const authenticators = tx.db
    .select({ id: secondFactors.personId })
    .from(secondFactors)
    .where(and(inArray(secondFactors.personId, list), eq(secondFactors.kind, 'totp')));
  const [people, own, first, mailboxes, apps] = await Promise.all([
    statuses,
    ownPasswords,
    firstOnes,
    logins,
    authenticators,
  ]);
  const withApp = new Set(apps.map(({ id }) => id));
  const counterKeys = [...list.map(keys.passwords), ...[...withApp].map(keys.codes)];
  const counters = await tx.db.select().from(throttles).where(inArray(throttles.key, counterKeys));
  const withPassword = new Set(own.map(({ id }) => id));
  const withMailbox = new Set(
    mailboxes.filter(({ kind, verifiedAt }) => kind === 'email' && verifiedAt !== null).map(({ id }) => id),
  );
  const withLogin = new Set(mailboxes.map(({ id }) => id));
  const firstOf = new Map(first.map((row) => [row.personId, row]));
  const counterOf = new Map(counters.map((row) => [row.key, row]));
  return new Map(
    people.map(({ id, status, version }) => [
      id,
      {
        isActive: status === 'active',
        version,
        hasPassword: withPassword.has(id),
        hasMailbox: withMailbox.has(id),
        hasLogin: withLogin.has(id),
        first: firstOf.get(id),
        throttle: counterOf.get(keys.passwords(id)),
        wrongCodes: withApp.has(id) ? (counterOf.get(keys.codes(id))?.failures ?? 0) : 0,
      },
    ]),
  );
}
