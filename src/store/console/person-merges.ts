import { and, desc, eq, inArray, isNull, or } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import { insertMany } from '../database/bulk-insert.ts';
import type { Tables } from '../schema/tables.ts';

type Row<K extends keyof Tables> = Tables[K]['$inferSelect'];
export type PersonMergeRow = Row<'personMerges'>;

/** Everything that a merge moves. */
export interface MovableRows {
  identifiers: readonly Row<'identifiers'>[];
  memberships: readonly Row<'memberships'>[];
  enrollments: readonly Row<'enrollments'>[];
  /** Ids of the classes of a homeroom teacher. */
  classIds: readonly string[];
  /** Ids of the school accounts of a pupil. */
  schoolAccountIds: readonly string[];
  guardianships: readonly Row<'guardianships'>[];
  /** Ids of the answers of a pupil to the notice. Applications follow their school accounts. */
  answerIds: readonly string[];
  /** Entries that have become this guardian. */
  applicants: readonly Pick<Row<'bindingApplicants'>, 'applicationId' | 'position'>[];
  /** Ids of requests about personal data. */
  requestIds: readonly string[];
  /** Ids of earlier merges into this account that can be undone. */
  mergeIds: readonly string[];
}

export async function loadMovableRows(tx: Transaction, id: string): Promise<MovableRows> {
  const { identifiers, memberships, enrollments, classes, schoolAccounts, guardianships } = tx.tables;
  const { db } = tx;
  const asGuardian = await db.select().from(guardianships).where(eq(guardianships.guardianId, id));
  const asPupil = await db.select().from(guardianships).where(eq(guardianships.studentId, id));
  const taught = await db.select({ id: classes.id }).from(classes).where(eq(classes.homeroomTeacherId, id));
  const accounts = await db
    .select({ id: schoolAccounts.personId })
    .from(schoolAccounts)
    .where(eq(schoolAccounts.studentId, id));
  return {
    identifiers: await db.select().from(identifiers).where(eq(identifiers.personId, id)),
    memberships: await db.select().from(memberships).where(eq(memberships.personId, id)),
    enrollments: await db.select().from(enrollments).where(eq(enrollments.studentId, id)),
    classIds: taught.map((one) => one.id),
    schoolAccountIds: accounts.map((one) => one.id),
    guardianships: [...asGuardian, ...asPupil],
    ...(await loadRecords(tx, id)),
  };
}

async function loadRecords(
  { db, tables }: Transaction,
  id: string,
): Promise<Pick<MovableRows, 'answerIds' | 'applicants' | 'requestIds' | 'mergeIds'>> {
  const { noticeAnswers, bindingApplicants, subjectRequests, personMerges } = tables;
  const answers = await db.select({ id: noticeAnswers.id }).from(noticeAnswers).where(eq(noticeAnswers.studentId, id));
  const requests = await db
    .select({ id: subjectRequests.id })
    .from(subjectRequests)
    .where(eq(subjectRequests.personId, id));
  const merges = await db
    .select({ id: personMerges.id })
    .from(personMerges)
    .where(and(eq(personMerges.keptId, id), isNull(personMerges.undoneAt)));
  return {
    answerIds: answers.map((one) => one.id),
    applicants: await db
      .select({ applicationId: bindingApplicants.applicationId, position: bindingApplicants.position })
      .from(bindingApplicants)
      .where(eq(bindingApplicants.guardianId, id)),
    requestIds: requests.map((one) => one.id),
    mergeIds: merges.map((one) => one.id),
  };
}

/** Moves logins, memberships, enrollments, classes and school accounts to a person. Stores enrollments that the merge deleted again. */
export async function moveRowsTo(tx: Transaction, to: string, rows: MovableRows): Promise<void> {
  const { identifiers, memberships, enrollments, classes, schoolAccounts } = tx.tables;
  const { db } = tx;
  const ids = (all: readonly { id: string }[]): string[] => all.map(({ id }) => id);
  await db
    .update(identifiers)
    .set({ personId: to })
    .where(inArray(identifiers.id, ids(rows.identifiers)));
  await db
    .update(memberships)
    .set({ personId: to })
    .where(inArray(memberships.id, ids(rows.memberships)));
  const kept = await db
    .update(enrollments)
    .set({ studentId: to })
    .where(inArray(enrollments.id, ids(rows.enrollments)))
    .returning({ id: enrollments.id });
  const deleted = rows.enrollments.filter(({ id }) => !kept.some((one) => one.id === id));
  await insertMany(
    tx,
    enrollments,
    deleted.map((row) => ({ ...row, studentId: to })),
  );
  await db
    .update(classes)
    .set({ homeroomTeacherId: to })
    .where(inArray(classes.id, [...rows.classIds]));
  await db
    .update(schoolAccounts)
    .set({ studentId: to })
    .where(inArray(schoolAccounts.personId, [...rows.schoolAccountIds]));
  await moveRecordsTo(tx, to, rows);
}

/** Moves the records of a person, and those that school accounts of the pupil have made since the merge. */
async function moveRecordsTo({ db, tables }: Transaction, to: string, rows: MovableRows): Promise<void> {
  const { bindingApplications, noticeAnswers, bindingApplicants, subjectRequests, personMerges } = tables;
  const accountIds = [...rows.schoolAccountIds];
  await db.update(bindingApplications).set({ studentId: to }).where(inArray(bindingApplications.accountId, accountIds));
  await db
    .update(noticeAnswers)
    .set({ studentId: to })
    .where(or(inArray(noticeAnswers.id, [...rows.answerIds]), inArray(noticeAnswers.accountId, accountIds)));
  for (const { applicationId, position } of rows.applicants) {
    await db
      .update(bindingApplicants)
      .set({ guardianId: to })
      .where(and(eq(bindingApplicants.applicationId, applicationId), eq(bindingApplicants.position, position)));
  }
  await db
    .update(subjectRequests)
    .set({ personId: to })
    .where(inArray(subjectRequests.id, [...rows.requestIds]));
  await db
    .update(personMerges)
    .set({ keptId: to })
    .where(inArray(personMerges.id, [...rows.mergeIds]));
}

/** Restores guardianships as they were before a merge. */
export async function restoreGuardianships(tx: Transaction, rows: MovableRows['guardianships']): Promise<void> {
  const { guardianships } = tx.tables;
  for (const { id, ...row } of rows) await tx.db.update(guardianships).set(row).where(eq(guardianships.id, id));
}

export async function insertPersonMerge(tx: Transaction, merge: Tables['personMerges']['$inferInsert']): Promise<void> {
  await tx.db.insert(tx.tables.personMerges).values(merge);
}

/** Finds the newest merge into a person that was not undone. */
export async function findLatestMerge(tx: Transaction, keptId: string): Promise<PersonMergeRow | undefined> {
  const { personMerges } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(personMerges)
    .where(and(eq(personMerges.keptId, keptId), isNull(personMerges.undoneAt)))
    .orderBy(desc(personMerges.mergedAt), desc(personMerges.id))
    .limit(1);
  return row;
}

export async function markMergeUndone(tx: Transaction, id: string, now: number): Promise<void> {
  const { personMerges } = tx.tables;
  await tx.db.update(personMerges).set({ undoneAt: now }).where(eq(personMerges.id, id));
}
