import type { Enrollment, School } from '../../domain/model.ts';
import { relationsFor } from '../../domain/binding/applicants.ts';
import { nextStep, type ApplicationProgress, type BindingStep } from '../../domain/binding/steps.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as applications from '../../store/binding/applications.ts';
import * as evidenceStore from '../../store/binding/evidence.ts';
import { findFamily } from '../../store/binding/families.ts';
import { findLatestAnswer, type NoticeAnswerRow } from '../../store/binding/notices.ts';
import { findSchoolAccountLogin } from '../../store/binding/school-accounts.ts';
import { listInputs } from '../../store/binding/inputs.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { openApplicant, openText, type ApplicantData } from './applicant-data.ts';
import { openEvidenceName } from './evidence-file.ts';
import { getCurrentNotice, type Notice } from './notices.ts';
import { openStepInput, type StepInput } from './step-input.ts';

/** Wrong codes that close a code. */
export const MAX_CODE_FAILURES = 5;

/** A school account and its student, who is enrolled at its school. */
export interface Family {
  accountId: string;
  student: { id: string; name: string; number: string };
  school: School;
  enrollment: Enrollment;
}

export interface ApplicantView {
  position: number;
  data: ApplicantData;
  isEmailVerified: boolean;
  /** A mailed code can still be entered. */
  isCodeOpen: boolean;
}

export interface EvidenceView {
  id: string;
  name: string;
  contentType: string;
  /** Bytes. */
  size: number;
}

/** An application with everything that the family entered. */
export interface ApplicationView {
  row: applications.ApplicationRow;
  applicantRows: readonly applications.ApplicantRow[];
  applicants: readonly ApplicantView[];
  evidence: readonly EvidenceView[];
  /** Input that is not part of the application. */
  inputs: ReadonlyMap<BindingStep, StepInput>;
  notice: Notice;
  /** The newest answer, also to an earlier version. */
  answer: NoticeAnswerRow | undefined;
  progress: ApplicationProgress;
  /** undefined if the application cannot be changed now */
  step: BindingStep | undefined;
  report: string | undefined;
  reason: string | undefined;
}

interface Deps {
  clock: Clock;
  secrets: Pick<Secrets, 'open'>;
}

/** Finds the family of a school account. @returns undefined for other accounts, and after the student left the school */
export async function loadFamily(tx: Transaction, clock: Clock, accountId: string): Promise<Family | undefined> {
  const family = await findFamily(tx, accountId);
  const login = await findSchoolAccountLogin(tx, accountId);
  if (family === undefined || login === undefined) return undefined;
  const facts = await people.loadPersonFacts(tx, family.studentId, localDate(clock.now()));
  const enrollment = facts?.enrollments.findLast(({ school }) => school.code === family.schoolCode);
  if (facts === undefined || enrollment === undefined) return undefined;
  const student = { id: facts.id, name: facts.name, number: login.account.slice(1) };
  return { accountId, student, school: enrollment.school, enrollment };
}

/** Loads what belongs to an application. */
export async function loadView(
  tx: Transaction,
  { clock, secrets }: Deps,
  row: applications.ApplicationRow,
): Promise<ApplicationView> {
  const applicantRows = await applications.listApplicants(tx, row.id);
  const evidence = (await evidenceStore.listEvidence(tx, row.id)).map((file) => ({
    ...{ id: file.id, contentType: file.contentType, size: file.size },
    name: openEvidenceName(secrets, file),
  }));
  const notice = await getCurrentNotice(tx);
  const answer = await findLatestAnswer(tx, row.studentId);
  const applicants = applicantRows.map((applicant) => ({
    position: applicant.position,
    data: openApplicant(secrets, applicant),
    isEmailVerified: applicant.emailVerifiedAt !== null,
    isCodeOpen: isCodeOpen(applicant, clock.now()),
  }));
  const inputs = new Map((await listInputs(tx, row.id)).map((input) => [input.step, openStepInput(secrets, input)]));
  const progress = toProgress({ row, applicants, evidence, inputs, notice, answer });
  return {
    ...{ row, applicantRows, applicants, evidence, inputs, notice, answer, progress, step: nextStep(progress) },
    report: openText(secrets, 'report', row),
    reason: openText(secrets, 'reason', row),
  };
}

/** Returns true if the mailed code of an applicant can still be entered. */
export function isCodeOpen(applicant: applications.ApplicantRow, now: number): boolean {
  const { emailCodeMac, emailCodeExpiresAt, emailCodeFailures } = applicant;
  return emailCodeMac !== null && (emailCodeExpiresAt ?? 0) > now && emailCodeFailures < MAX_CODE_FAILURES;
}

function toProgress({
  row,
  applicants,
  evidence,
  inputs,
  notice,
  answer,
}: Pick<ApplicationView, 'row' | 'applicants' | 'evidence' | 'inputs' | 'notice' | 'answer'>): ApplicationProgress {
  const kind = row.applicantKind ?? undefined;
  // Every application needs an answer of its own, to the current version.
  const isCurrent = answer?.noticeVersion === notice.version && answer.answeredAt >= row.createdAt;
  const relations = kind === undefined ? [] : relationsFor(kind);
  return {
    state: row.state,
    isStudentConfirmed: row.studentConfirmedAt !== null,
    answer: isCurrent ? answer.answer : undefined,
    applicantKind: kind,
    completeApplicants: applicants
      .filter(({ isEmailVerified, data }) => isEmailVerified && relations.includes(data.relation))
      .map(({ position }) => position),
    evidenceCount: evidence.length,
    isEvidenceDone: row.evidenceDoneAt !== null,
    stepsWithInput: [...inputs.keys()],
  };
}
