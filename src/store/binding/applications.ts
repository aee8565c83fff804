import { and, asc, desc, eq, gt, inArray, ne, sql } from 'drizzle-orm';
import { OPEN_STATES } from '../../domain/binding/application.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type ApplicationRow = Tables['bindingApplications']['$inferSelect'];
export type ApplicantRow = Tables['bindingApplicants']['$inferSelect'];
export type NewApplication = Tables['bindingApplications']['$inferInsert'];
export type ApplicationChange = Partial<
  Omit<ApplicationRow, 'id' | 'accountId' | 'studentId' | 'schoolCode' | 'version' | 'createdAt' | 'updatedAt'>
>;

/** Finds the application of a student that has no result yet. */
export async function findOpenApplication(tx: Transaction, studentId: string): Promise<ApplicationRow | undefined> {
  const { bindingApplications } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(bindingApplications)
    .where(and(eq(bindingApplications.studentId, studentId), inArray(bindingApplications.state, [...OPEN_STATES])));
  return row;
}

/** Finds the open application of a student, or else the newest one with a result. */
export async function findCurrentApplication(tx: Transaction, studentId: string): Promise<ApplicationRow | undefined> {
  const open = await findOpenApplication(tx, studentId);
  if (open !== undefined) return open;
  const { bindingApplications } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(bindingApplications)
    .where(eq(bindingApplications.studentId, studentId))
    .orderBy(desc(bindingApplications.createdAt), desc(bindingApplications.id))
    .limit(1);
  return row;
}

export async function findApplication(tx: Transaction, id: string): Promise<ApplicationRow | undefined> {
  const { bindingApplications } = tx.tables;
  const [row] = await tx.db.select().from(bindingApplications).where(eq(bindingApplications.id, id));
  return row;
}

/** Lists when an account submitted its other applications, the newest first. Withdrawn ones count. */
export async function listSubmissionTimes(
  tx: Transaction,
  { accountId, except, since }: { accountId: string; except: string; since: number },
): Promise<number[]> {
  const { bindingApplications } = tx.tables;
  const rows = await tx.db
    .select({ submittedAt: bindingApplications.submittedAt })
    .from(bindingApplications)
    .where(
      and(
        eq(bindingApplications.accountId, accountId),
        ne(bindingApplications.id, except),
        gt(bindingApplications.submittedAt, since),
      ),
    )
    .orderBy(desc(bindingApplications.submittedAt));
  return rows.flatMap(({ submittedAt }) => submittedAt ?? []);
}

/** Inserts an application. @returns false if the student has an open one */
export async function insertApplication(tx: Transaction, application: NewApplication): Promise<boolean> {
  const { bindingApplications } = tx.tables;
  const rows = await tx.db
    .insert(bindingApplications)
    .values(application)
    .onConflictDoNothing()
    .returning({ id: bindingApplications.id });
  return rows.length > 0;
}

/**
 * Changes an application and increments its version. It locks the row until the transaction ends, so it comes before changes of applicants
 * and evidence.
 *
 * @returns false if another transaction has changed the application since `version`
 */
export async function updateApplication(
  tx: Transaction,
  { id, version }: Pick<ApplicationRow, 'id' | 'version'>,
  change: ApplicationChange,
  now: number,
): Promise<boolean> {
  const { bindingApplications } = tx.tables;
  const rows = await tx.db
    .update(bindingApplications)
    .set({ ...change, version: sql`${bindingApplications.version} + 1`, updatedAt: now })
    .where(and(eq(bindingApplications.id, id), eq(bindingApplications.version, version)))
    .returning({ id: bindingApplications.id });
  return rows.length > 0;
}

/** Lists the applicants of an application by position. */
export function listApplicants(tx: Transaction, applicationId: string): Promise<ApplicantRow[]> {
  const { bindingApplicants } = tx.tables;
  return tx.db
    .select()
    .from(bindingApplicants)
    .where(eq(bindingApplicants.applicationId, applicationId))
    .orderBy(asc(bindingApplicants.position));
}

/** Inserts an applicant, or replaces the whole row. */
export async function upsertApplicant(tx: Transaction, applicant: ApplicantRow): Promise<void> {
  const { bindingApplicants } = tx.tables;
  await tx.db
    .insert(bindingApplicants)
    .values(applicant)
    .onConflictDoUpdate({ target: [bindingApplicants.applicationId, bindingApplicants.position], set: applicant });
}

export async function deleteApplicant(tx: Transaction, applicationId: string, position: number): Promise<void> {
  const { bindingApplicants } = tx.tables;
  await tx.db
    .delete(bindingApplicants)
    .where(and(eq(bindingApplicants.applicationId, applicationId), eq(bindingApplicants.position, position)));
}

export async function deleteApplicants(tx: Transaction, applicationId: string): Promise<void> {
  const { bindingApplicants } = tx.tables;
  await tx.db.delete(bindingApplicants).where(eq(bindingApplicants.applicationId, applicationId));
}

/** Gives an application to another school account of its student, unless a concurrent transaction has done so. */
export async function updateAccount(
  tx: Transaction,
  { id, accountId }: Pick<ApplicationRow, 'id' | 'accountId'>,
  to: string,
): Promise<void> {
  const { bindingApplications } = tx.tables;
  await tx.db
    .update(bindingApplications)
    .set({ accountId: to })
    .where(and(eq(bindingApplications.id, id), eq(bindingApplications.accountId, accountId)));
}

/** Replaces the relying party that the family came from. It is no part of the application, so the version stays. */
export async function updateClient(tx: Transaction, id: string, clientId: string): Promise<void> {
  const { bindingApplications } = tx.tables;
  await tx.db.update(bindingApplications).set({ clientId }).where(eq(bindingApplications.id, id));
}
