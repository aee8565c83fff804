import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import type { GuardianshipRow } from '../people/guardianships.ts';

/** Lists the guardianships of two people, as guardian or as pupil. */
export async function listGuardianshipsOfBoth(
  tx: Transaction,
  ids: readonly [string, string],
): Promise<GuardianshipRow[]> {
  const { guardianships } = tx.tables;
  const asGuardian = await tx.db
    .select()
    .from(guardianships)
    .where(inArray(guardianships.guardianId, [...ids]));
  const asPupil = await tx.db
    .select()
    .from(guardianships)
    .where(inArray(guardianships.studentId, [...ids]));
  return [...new Map([...asGuardian, ...asPupil].map((row) => [row.id, row])).values()];
}

/** Moves the given guardianships from one person to another. */
export async function moveGuardianships(
  tx: Transaction,
  rows: readonly GuardianshipRow[],
  from: string,
  to: string,
  now: number,
): Promise<void> {
  const { guardianships } = tx.tables;
  for (const { id, guardianId, studentId } of rows) {
    const moved = {
      guardianId: guardianId === from ? to : guardianId,
      studentId: studentId === from ? to : studentId,
      updatedAt: now,
    };
    await tx.db.update(guardianships).set(moved).where(eq(guardianships.id, id));
  }
}

/**
 * Moves applications, answers to the notice, requests about personal data, and earlier merges. Call it after a check that one of both at most
 * has an open application.
 */
export async function moveRecords(tx: Transaction, from: string, to: string): Promise<void> {
  const { bindingApplications, bindingApplicants, noticeAnswers, subjectRequests, personMerges } = tx.tables;
  const { db } = tx;
  await db.update(bindingApplications).set({ studentId: to }).where(eq(bindingApplications.studentId, from));
  await db.update(bindingApplicants).set({ guardianId: to }).where(eq(bindingApplicants.guardianId, from));
  await db.update(noticeAnswers).set({ studentId: to }).where(eq(noticeAnswers.studentId, from));
  await db.update(subjectRequests).set({ personId: to }).where(eq(subjectRequests.personId, from));
  await db
    .update(personMerges)
    .set({ keptId: to })
    .where(and(eq(personMerges.keptId, from), isNull(personMerges.undoneAt)));
}

/** Moves logins, memberships, classes and school accounts. A place in a class that both have stays with `to`. */
export async function moveAffiliations(tx: Transaction, from: string, to: string): Promise<void> {
  const { identifiers, memberships, enrollments, classes, schoolAccounts } = tx.tables;
  await tx.db.update(identifiers).set({ personId: to }).where(eq(identifiers.personId, from));
  await tx.db.update(memberships).set({ personId: to }).where(eq(memberships.personId, from));
  const kept = await tx.db
    .select({ classId: enrollments.classId })
    .from(enrollments)
    .where(eq(enrollments.studentId, to));
  const classIds = kept.map(({ classId }) => classId);
  if (classIds.length > 0) {
    await tx.db.delete(enrollments).where(and(eq(enrollments.studentId, from), inArray(enrollments.classId, classIds)));
  }
  await tx.db.update(enrollments).set({ studentId: to }).where(eq(enrollments.studentId, from));
  await tx.db.update(classes).set({ homeroomTeacherId: to }).where(eq(classes.homeroomTeacherId, from));
  await tx.db.update(schoolAccounts).set({ studentId: to }).where(eq(schoolAccounts.studentId, from));
}
