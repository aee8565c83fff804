import type { ApplicationState } from './application.ts';
import { EDITABLE_STATES } from './application.ts';
import { applicantCount, needsEvidence, type ApplicantKind } from './applicants.ts';
import type { NoticeAnswer } from './notice.ts';

/** The steps of an application, in order. `status` is the page after the submission, and after a refusal. */
export const BINDING_STEPS = [
  'student',
  'notice',
  'applicants',
  'applicant-1',
  'applicant-2',
  'evidence',
  'summary',
] as const;
export type BindingStep = (typeof BINDING_STEPS)[number];

/** The facts of an application that decide which step comes next. */
export interface ApplicationProgress {
  state: ApplicationState;
  isStudentConfirmed: boolean;
  /** The answer to the current version of the notice; undefined if there is none. */
  answer: NoticeAnswer | undefined;
  applicantKind: ApplicantKind | undefined;
  /** Positions of applicants whose data is complete and whose email address is confirmed. */
  completeApplicants: readonly number[];
  evidenceCount: number;
  /** The family has passed the evidence step, with or without files. */
  isEvidenceDone: boolean;
  /** Steps with input that was typed after their last valid submission. */
  stepsWithInput: readonly BindingStep[];
}

/** Returns the steps of an application, in order, with the second applicant only for two parents. */
export function stepsOf(kind: ApplicantKind | undefined): readonly BindingStep[] {
  const hasSecond = kind !== undefined && applicantCount(kind) === 2;
  return BINDING_STEPS.filter((step) => step !== 'applicant-2' || hasSecond);
}

/** Returns true if a step of an editable application has what it asks for. The summary is never complete: it is submitted. */
function isComplete(step: BindingStep, progress: ApplicationProgress): boolean {
  switch (step) {
    case 'student':
      return progress.isStudentConfirmed;
    case 'notice':
      return progress.answer === 'agree';
    case 'applicants':
      return progress.applicantKind !== undefined;
    case 'applicant-1':
      return progress.completeApplicants.includes(1);
    case 'applicant-2':
      return progress.completeApplicants.includes(2);
    case 'evidence':
      return progress.applicantKind !== undefined && needsEvidence(progress.applicantKind)
        ? progress.evidenceCount > 0
        : progress.isEvidenceDone;
    case 'summary':
      return false;
  }
}

/**
 * Returns the first step that is not complete. A family may open it and every step before it, and no later one.
 *
 * @returns undefined if the application cannot be changed
 */
export function nextStep(progress: ApplicationProgress): BindingStep | undefined {
  if (!EDITABLE_STATES.includes(progress.state)) return undefined;
  return stepsOf(progress.applicantKind).find(
    (step) => progress.stepsWithInput.includes(step) || !isComplete(step, progress),
  );
}

/** Returns true if the family may open or submit a step now. */
export function canOpenStep(step: BindingStep, progress: ApplicationProgress): boolean {
  const next = nextStep(progress);
  const steps = stepsOf(progress.applicantKind);
  return next !== undefined && steps.includes(step) && steps.indexOf(step) <= steps.indexOf(next);
}

/** Returns true if the application may be submitted: only the summary is left. */
export function isReadyToSubmit(progress: ApplicationProgress): boolean {
  return nextStep(progress) === 'summary';
}
