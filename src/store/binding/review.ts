import { and, asc, eq, exists, inArray, isNotNull, lte, sql } from 'drizzle-orm';
import type { ApplicationState } from '../../domain/binding/application.ts';
import type { GuardianshipState } from '../../domain/model.ts';
import type { Transaction } from '../database/index.ts';
import type { ApplicantRow, ApplicationRow } from './applications.ts';

/** Where a page of the queue begins: after this application, the oldest first. */
export interface QueuePosition {
  at: number;
  id: string;
}

interface QueueSearch {
  state: Exclude<ApplicationState, 'draft'>;
  /** undefined if `classIds` limits the search enough */
  schoolCodes: readonly string[] | undefined;
  classIds: readonly string[] | undefined;
  /** Submitted at this instant (ms) or earlier. */
  until: number | undefined;
  after: QueuePosition | undefined;
  limit: number;
}

export type QueueRow = Pick<ApplicationRow, 'id' | 'studentId' | 'schoolCode' | 'state' | 'applicantKind'> & {
  submittedAt: number;
};

/** Lists submitted applications and their results, the oldest first. */
export async function listApplicationQueue(tx: Transaction, search: QueueSearch): Promise<QueueRow[]> {
  const { bindingApplications: applications, enrollments } = tx.tables;
  const { state, schoolCodes, classIds, until, after, limit } = search;
  const rows = await tx.db
    .select({
      id: applications.id,
      studentId: applications.studentId,
      schoolCode: applications.schoolCode,
      state: applications.state,
      applicantKind: applications.applicantKind,
      submittedAt: applications.submittedAt,
    })
    .from(applications)
    .where(
      and(
        eq(applications.state, state),
        isNotNull(applications.submittedAt),
        schoolCodes && inArray(applications.schoolCode, [...schoolCodes]),
        classIds &&
          exists(
            tx.db
              .select({ one: sql`1` })
              .from(enrollments)
              .where(
                and(eq(enrollments.studentId, applications.studentId), inArray(enrollments.classId, [...classIds])),
              ),
          ),
        until === undefined ? undefined : lte(applications.submittedAt, until),
        after && sql`(${applications.submittedAt}, ${applications.id}) > (${after.at}, ${after.id})`,
      ),
    )
    .orderBy(asc(applications.submittedAt), asc(applications.id))
    .limit(limit);
  return rows.flatMap(({ submittedAt, ...row }) => (submittedAt === null ? [] : { ...row, submittedAt }));
}

/** A guardian of the student of an application. */
export interface StudentGuardian {
  id: string;
  guardianId: string;
  name: string;
  relationLabel: string;
  state: GuardianshipState;
  isConsentAwaited: boolean;
  stateReasonSealed: string | null;
}

/** Lists the guardians of a student, ended guardianships included, the oldest first. */
export function listGuardiansOf(tx: Transaction, studentId: string): Promise<StudentGuardian[]> {
  const { guardianships, persons } = tx.tables;
  return tx.db
    .select({
      id: guardianships.id,
      guardianId: guardianships.guardianId,
      name: persons.name,
      relationLabel: guardianships.relationLabel,
      state: guardianships.state,
      isConsentAwaited: guardianships.isConsentAwaited,
      stateReasonSealed: guardianships.stateReasonSealed,
    })
    .from(guardianships)
    .innerJoin(persons, eq(persons.id, guardianships.guardianId))
    .where(eq(guardianships.studentId, studentId))
    .orderBy(asc(guardianships.createdAt), asc(guardianships.id));
}

/** Records the person that an applicant has become. */
export async function setGuardianOf(
  tx: Transaction,
  { applicationId, position }: Pick<ApplicantRow, 'applicationId' | 'position'>,
  guardianId: string,
): Promise<void> {
  const { bindingApplicants: applicants } = tx.tables;
  await tx.db
    .update(applicants)
    .set({ guardianId })
    .where(and(eq(applicants.applicationId, applicationId), eq(applicants.position, position)));
}
