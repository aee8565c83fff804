import { and, asc, count, eq, inArray, isNotNull, or, sql, type SQL } from 'drizzle-orm';
import { NO_ANSWERS, type AnswerCounts, type FamilyAnswer } from '../../domain/binding/answers.ts';
import type { Term } from '../../domain/term.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** The classes of a school in a term, or some classes. */
export type AnswerScope = { schoolCode: string; term: Term } | { classIds: readonly string[] };

/** The answer of the family of a student. */
export interface StudentAnswer {
  studentId: string;
  name: string;
  seat: number;
  studentNumber: string;
  classId: string;
  schoolCode: string;
  answer: FamilyAnswer;
  /** The last reminder, ms since 1970. */
  remindedAt: number | null;
}

/** Reads the answer of the student of an enrollment by four indexes. The query must join another table, so that columns keep their table. */
function answerOf({ tables }: Transaction, today: string): SQL<FamilyAnswer> {
  const { enrollments, guardianships, bindingApplications: applications, noticeAnswers } = tables;
  return sql<FamilyAnswer>`case when exists (
      select 1 from ${guardianships} where ${guardianships.studentId} = ${enrollments.studentId}
        and ${guardianships.state} in ('active', 'suspended')
        and (${guardianships.validTo} is null or ${guardianships.validTo} >= ${today}))
    then 'bound' else coalesce(
      (select case ${applications.state} when 'submitted' then 'waiting' else 'returned' end from ${applications}
        where ${applications.studentId} = ${enrollments.studentId} and ${applications.state} in ('submitted', 'returned')),
      (select case ${noticeAnswers.answer} when 'agree' then 'none' else 'refused' end from ${noticeAnswers}
        where ${noticeAnswers.studentId} = ${enrollments.studentId}
        order by ${noticeAnswers.answeredAt} desc, ${noticeAnswers.id} desc limit 1),
      'none') end`;
}

function inScope(
  { tables: { classes, enrollments } }: Transaction,
  scope: AnswerScope,
  today: string,
): SQL | undefined {
  const isCurrent = sql`(${enrollments.validFrom} is null or ${enrollments.validFrom} <= ${today})
    and (${enrollments.validTo} is null or ${enrollments.validTo} >= ${today})`;
  if ('classIds' in scope) return and(inArray(enrollments.classId, [...scope.classIds]), isCurrent);
  const { schoolCode, term } = scope;
  return and(
    eq(classes.schoolCode, schoolCode),
    eq(classes.year, term.year),
    eq(classes.semester, term.semester),
    isCurrent,
  );
}

/** Lists the students of classes by seat, with the answers of their families. */
export function listAnswers(tx: Transaction, scope: AnswerScope, today: string): Promise<StudentAnswer[]> {
  const { classes, enrollments, persons, familyReminders } = tx.tables;
  return tx.db
    .select({
      studentId: enrollments.studentId,
      name: persons.name,
      seat: enrollments.seat,
      studentNumber: enrollments.studentNumber,
      classId: classes.id,
      schoolCode: classes.schoolCode,
      answer: answerOf(tx, today),
      remindedAt: familyReminders.remindedAt,
    })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .innerJoin(persons, eq(persons.id, enrollments.studentId))
    .leftJoin(familyReminders, eq(familyReminders.studentId, enrollments.studentId))
    .where(inScope(tx, scope, today))
    .orderBy(asc(classes.classno), asc(enrollments.seat), asc(persons.id));
}

/** Counts the answers by class. A class without students has no entry. */
export async function countAnswers(
  tx: Transaction,
  scope: AnswerScope,
  today: string,
): Promise<Map<string, AnswerCounts>> {
  const { classes, enrollments } = tx.tables;
  const families = tx.db
    .select({ classId: enrollments.classId, answer: answerOf(tx, today).as('answer') })
    .from(classes)
    .innerJoin(enrollments, eq(enrollments.classId, classes.id))
    .where(inScope(tx, scope, today))
    .as('families');
  const rows = await tx.db
    .select({ classId: families.classId, answer: families.answer, total: count() })
    .from(families)
    .groupBy(families.classId, sql`${families.answer}`);
  const counts = new Map<string, AnswerCounts>();
  for (const { classId, answer, total } of rows) {
    counts.set(classId, { ...(counts.get(classId) ?? NO_ANSWERS), [answer]: total });
  }
  return counts;
}

/** An address that a family has given and confirmed, not yet opened. */
export interface ConfirmedApplicant {
  studentId: string;
  /** The school of the draft. */
  schoolCode: string;
  applicant: Pick<Tables['bindingApplicants']['$inferSelect'], 'applicationId' | 'position' | 'payloadSealed'>;
}

/** Lists the applicants of drafts who have confirmed their email address. */
export function listConfirmedApplicants(tx: Transaction, studentIds: readonly string[]): Promise<ConfirmedApplicant[]> {
  const { bindingApplications: applications, bindingApplicants: applicants } = tx.tables;
  return tx.db
    .select({
      studentId: applications.studentId,
      schoolCode: applications.schoolCode,
      applicant: {
        applicationId: applicants.applicationId,
        position: applicants.position,
        payloadSealed: applicants.payloadSealed,
      },
    })
    .from(applications)
    .innerJoin(applicants, eq(applicants.applicationId, applications.id))
    .where(
      and(
        inArray(applications.studentId, [...studentIds]),
        eq(applications.state, 'draft'),
        isNotNull(applicants.emailVerifiedAt),
      ),
    )
    .orderBy(asc(applications.studentId), asc(applicants.position));
}

/** The account of a family at a school. */
export interface FamilyAccount {
  studentId: string;
  schoolCode: string;
  locale: string | null;
  kind: 'school_account' | 'email';
  value: string;
}

/** Lists the logins and the verified email addresses of the school accounts of students. */
export async function listFamilyAccounts(tx: Transaction, studentIds: readonly string[]): Promise<FamilyAccount[]> {
  const { schoolAccounts, persons, identifiers } = tx.tables;
  const rows = await tx.db
    .select({
      studentId: schoolAccounts.studentId,
      schoolCode: schoolAccounts.schoolCode,
      locale: persons.locale,
      kind: identifiers.kind,
      value: identifiers.value,
    })
    .from(schoolAccounts)
    .innerJoin(persons, eq(persons.id, schoolAccounts.personId))
    .innerJoin(identifiers, eq(identifiers.personId, schoolAccounts.personId))
    .where(
      and(
        inArray(schoolAccounts.studentId, [...studentIds]),
        or(eq(identifiers.kind, 'school_account'), isNotNull(identifiers.verifiedAt)),
      ),
    );
  return rows.flatMap(({ kind, ...row }) => (kind === 'school_account' || kind === 'email' ? [{ ...row, kind }] : []));
}

/** Families in one statement, within the limit of parameters of both databases. */
const FAMILIES_PER_STATEMENT = 500;

/**
 * Records reminders to families that had none after `before`. Concurrent transactions wait for each other here, so a family is claimed once.
 *
 * @param studentIds in their order, so that two transactions never wait for each other
 * @returns the students whose families may be reminded now
 */
export async function claimReminders(
  tx: Transaction,
  studentIds: readonly string[],
  { now, before }: { now: number; before: number },
): Promise<Set<string>> {
  const { familyReminders } = tx.tables;
  const claimed = new Set<string>();
  const sorted = studentIds.toSorted();
  for (let at = 0; at < sorted.length; at += FAMILIES_PER_STATEMENT) {
    const rows = await tx.db
      .insert(familyReminders)
      .values(sorted.slice(at, at + FAMILIES_PER_STATEMENT).map((studentId) => ({ studentId, remindedAt: now })))
      .onConflictDoUpdate({
        target: familyReminders.studentId,
        set: { remindedAt: now },
        setWhere: sql`${familyReminders.remindedAt} <= ${before}`,
      })
      .returning({ studentId: familyReminders.studentId });
    for (const { studentId } of rows) claimed.add(studentId);
  }
  return claimed;
}
