import { and, asc, desc, eq, inArray, or } from 'drizzle-orm';
import type { ApplicantRow, ApplicationRow } from '../binding/applications.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

type Row<Name extends keyof Tables, Column extends keyof Tables[Name]['$inferSelect']> = Pick<
  Tables[Name]['$inferSelect'],
  Column
>;

interface ClassPlace extends Row<'classes', 'year' | 'semester'> {
  school: string;
  class: string;
}

/** A login, a password or a factor is found by its person. None of these queries selects a hash, a key or a token. */
export function listCredentialRows(
  tx: Transaction,
  personId: string,
): Promise<
  [
    Row<'passwords', 'changedAt'>[],
    Row<'firstPasswords', 'kind' | 'createdAt' | 'expiresAt'>[],
    Row<'resetLinks', 'createdAt' | 'expiresAt'>[],
    Row<'secondFactors', 'kind' | 'name' | 'createdAt' | 'lastUsedAt'>[],
    Row<'recoveryCodes', 'createdAt'>[],
    Row<'secondFactorRemovals', 'createdAt' | 'executesAt'>[],
  ]
> {
  const { passwords, firstPasswords, resetLinks, secondFactors, recoveryCodes, secondFactorRemovals } = tx.tables;
  return Promise.all([
    tx.db.select({ changedAt: passwords.changedAt }).from(passwords).where(eq(passwords.personId, personId)),
    tx.db
      .select({ kind: firstPasswords.kind, createdAt: firstPasswords.createdAt, expiresAt: firstPasswords.expiresAt })
      .from(firstPasswords)
      .where(eq(firstPasswords.personId, personId)),
    tx.db
      .select({ createdAt: resetLinks.createdAt, expiresAt: resetLinks.expiresAt })
      .from(resetLinks)
      .where(eq(resetLinks.personId, personId)),
    tx.db
      .select({
        kind: secondFactors.kind,
        name: secondFactors.name,
        createdAt: secondFactors.createdAt,
        lastUsedAt: secondFactors.lastUsedAt,
      })
      .from(secondFactors)
      .where(eq(secondFactors.personId, personId)),
    tx.db
      .select({ createdAt: recoveryCodes.createdAt })
      .from(recoveryCodes)
      .where(eq(recoveryCodes.personId, personId)),
    tx.db
      .select({ createdAt: secondFactorRemovals.createdAt, executesAt: secondFactorRemovals.executesAt })
      .from(secondFactorRemovals)
      .where(eq(secondFactorRemovals.personId, personId)),
  ]);
}

export function listContactRows(
  tx: Transaction,
  personId: string,
): Promise<
  [
    (Row<'identifiers', 'kind' | 'value' | 'verifiedAt' | 'createdAt'> & { school: string })[],
    Row<'pendingContacts', 'kind' | 'value' | 'createdAt' | 'expiresAt'>[],
  ]
> {
  const { identifiers, pendingContacts } = tx.tables;
  return Promise.all([
    tx.db
      .select({
        kind: identifiers.kind,
        school: identifiers.scope,
        value: identifiers.value,
        verifiedAt: identifiers.verifiedAt,
        createdAt: identifiers.createdAt,
      })
      .from(identifiers)
      .where(eq(identifiers.personId, personId))
      .orderBy(asc(identifiers.createdAt), asc(identifiers.id)),
    tx.db
      .select({
        kind: pendingContacts.kind,
        value: pendingContacts.value,
        createdAt: pendingContacts.createdAt,
        expiresAt: pendingContacts.expiresAt,
      })
      .from(pendingContacts)
      .where(eq(pendingContacts.personId, personId)),
  ]);
}

/** Lists memberships of staff, classes of a homeroom teacher, and places in classes, past and future ones included. */
export function listAffiliationRows(
  tx: Transaction,
  personId: string,
): Promise<
  [
    (Row<'memberships', 'role' | 'duty' | 'isPrimary' | 'validFrom' | 'validTo'> & { school: string | null })[],
    ClassPlace[],
    (ClassPlace & Row<'enrollments', 'seat' | 'studentNumber' | 'validFrom' | 'validTo'>)[],
    { school: string; student: string; studentId: string }[],
  ]
> {
  const { memberships, classes, enrollments, schoolAccounts, persons } = tx.tables;
  return Promise.all([
    tx.db
      .select({
        role: memberships.role,
        duty: memberships.duty,
        school: memberships.schoolCode,
        isPrimary: memberships.isPrimary,
        validFrom: memberships.validFrom,
        validTo: memberships.validTo,
      })
      .from(memberships)
      .where(eq(memberships.personId, personId))
      .orderBy(memberships.id),
    tx.db
      .select({
        school: classes.schoolCode,
        year: classes.year,
        semester: classes.semester,
        class: classes.classtitle,
      })
      .from(classes)
      .where(eq(classes.homeroomTeacherId, personId))
      .orderBy(classes.year, classes.semester),
    tx.db
      .select({
        school: enrollments.schoolCode,
        year: classes.year,
        semester: classes.semester,
        class: classes.classtitle,
        seat: enrollments.seat,
        studentNumber: enrollments.studentNumber,
        validFrom: enrollments.validFrom,
        validTo: enrollments.validTo,
      })
      .from(enrollments)
      .innerJoin(classes, eq(classes.id, enrollments.classId))
      .where(eq(enrollments.studentId, personId))
      .orderBy(classes.year, classes.semester),
    tx.db
      .select({ school: schoolAccounts.schoolCode, student: persons.name, studentId: schoolAccounts.studentId })
      .from(schoolAccounts)
      .innerJoin(persons, eq(persons.id, schoolAccounts.studentId))
      .where(eq(schoolAccounts.personId, personId)),
  ]);
}

/** Lists what staff did about the person, without their names and reasons. */
export function listStaffRows(
  tx: Transaction,
  personId: string,
): Promise<
  [
    Row<'staffRequests', 'action' | 'requestedAt' | 'decision' | 'decidedAt'>[],
    (Row<'bulkRuns', 'action'> & Row<'bulkRows', 'state' | 'doneAt'>)[],
    Row<'personMerges', 'mergedAt' | 'undoneAt'>[],
  ]
> {
  const { staffRequests, bulkRows, bulkRuns, personMerges } = tx.tables;
  return Promise.all([
    tx.db
      .select({
        action: staffRequests.action,
        requestedAt: staffRequests.requestedAt,
        decision: staffRequests.decision,
        decidedAt: staffRequests.decidedAt,
      })
      .from(staffRequests)
      .where(eq(staffRequests.personId, personId))
      .orderBy(desc(staffRequests.requestedAt)),
    tx.db
      .select({ action: bulkRuns.action, state: bulkRows.state, doneAt: bulkRows.doneAt })
      .from(bulkRows)
      .innerJoin(bulkRuns, eq(bulkRuns.id, bulkRows.runId))
      .where(eq(bulkRows.personId, personId)),
    tx.db
      .select({ mergedAt: personMerges.mergedAt, undoneAt: personMerges.undoneAt })
      .from(personMerges)
      .where(eq(personMerges.keptId, personId)),
  ]);
}

export function listAccessRows(
  tx: Transaction,
  personId: string,
): Promise<
  [
    (Row<'sessions', 'address' | 'remember' | 'createdAt' | 'expiresAt' | 'endedAt'> & { device: string })[],
    (Row<'grants', 'role' | 'scopes' | 'createdAt' | 'expiresAt'> & { app: string; school: string | null })[],
    (Row<'consents', 'scope' | 'grantedAt'> & { app: string })[],
    (Row<'lastContexts', 'role'> & { app: string; school: string | null })[],
  ]
> {
  const { sessions, grants, consents, lastContexts } = tx.tables;
  return Promise.all([
    tx.db
      .select({
        device: sessions.userAgent,
        address: sessions.address,
        remember: sessions.remember,
        createdAt: sessions.createdAt,
        expiresAt: sessions.expiresAt,
        endedAt: sessions.endedAt,
      })
      .from(sessions)
      .where(eq(sessions.personId, personId))
      .orderBy(desc(sessions.createdAt)),
    tx.db
      .select({
        app: grants.clientId,
        role: grants.role,
        school: grants.schoolCode,
        scopes: grants.scopes,
        createdAt: grants.createdAt,
        expiresAt: grants.expiresAt,
      })
      .from(grants)
      .where(eq(grants.personId, personId))
      .orderBy(desc(grants.createdAt)),
    tx.db
      .select({ app: consents.clientId, scope: consents.scope, grantedAt: consents.grantedAt })
      .from(consents)
      .where(eq(consents.personId, personId))
      .orderBy(consents.clientId, consents.scope),
    tx.db
      .select({ app: lastContexts.clientId, role: lastContexts.role, school: lastContexts.schoolCode })
      .from(lastContexts)
      .where(eq(lastContexts.personId, personId))
      .orderBy(lastContexts.clientId),
  ]);
}

/** Lists the answers of a family about its student; those of a student come from every account. */
export function listNoticeAnswerRows(
  tx: Transaction,
  studentId: string,
  accountId: string | undefined,
): Promise<(Row<'noticeAnswers', 'answer' | 'answeredAt'> & { version: number; school: string })[]> {
  const { noticeAnswers } = tx.tables;
  return tx.db
    .select({
      version: noticeAnswers.noticeVersion,
      answer: noticeAnswers.answer,
      school: noticeAnswers.schoolCode,
      answeredAt: noticeAnswers.answeredAt,
    })
    .from(noticeAnswers)
    .where(
      and(
        eq(noticeAnswers.studentId, studentId),
        accountId === undefined ? undefined : eq(noticeAnswers.accountId, accountId),
      ),
    )
    .orderBy(desc(noticeAnswers.answeredAt));
}

/** Lists the last reminder that the family of a student got. */
export function listReminderRows(tx: Transaction, studentId: string): Promise<Row<'familyReminders', 'remindedAt'>[]> {
  const { familyReminders } = tx.tables;
  return tx.db
    .select({ remindedAt: familyReminders.remindedAt })
    .from(familyReminders)
    .where(eq(familyReminders.studentId, studentId));
}

/** Lists the applications of a school account, and those about a student. */
export function listApplicationsAbout(tx: Transaction, personId: string): Promise<ApplicationRow[]> {
  const { bindingApplications: applications } = tx.tables;
  return tx.db
    .select()
    .from(applications)
    .where(or(eq(applications.accountId, personId), eq(applications.studentId, personId)))
    .orderBy(desc(applications.createdAt));
}

/** Lists the entries about a person as an applicant, with their applications. */
export async function listApplicantsAbout(
  tx: Transaction,
  personId: string,
  nationalIdLookup: string | null,
): Promise<{ applicant: ApplicantRow; application: ApplicationRow }[]> {
  const { bindingApplicants: applicants, bindingApplications: applications } = tx.tables;
  const isPerson =
    nationalIdLookup === null
      ? eq(applicants.guardianId, personId)
      : or(eq(applicants.guardianId, personId), eq(applicants.nationalIdLookup, nationalIdLookup));
  const rows = await tx.db
    .select({ applicant: applicants, application: applications })
    .from(applicants)
    .innerJoin(applications, eq(applications.id, applicants.applicationId))
    .where(isPerson)
    .orderBy(desc(applications.createdAt));
  // A draft is typed by somebody, and may name a person who knows nothing of it.
  return rows.filter(({ application }) => application.submittedAt !== null);
}

/** Lists the applicants of several applications by position. */
export async function listApplicantsOf(tx: Transaction, applicationIds: readonly string[]): Promise<ApplicantRow[]> {
  const { bindingApplicants: applicants } = tx.tables;
  if (applicationIds.length === 0) return [];
  return tx.db
    .select()
    .from(applicants)
    .where(inArray(applicants.applicationId, [...applicationIds]))
    .orderBy(applicants.applicationId, applicants.position);
}
