import type { GuardianshipState } from '../model.ts';
import { searchableName } from '../text.ts';
import { MAX_GUARDIANS, type BindingConflict } from './conflicts.ts';

/** The facts about one applicant that decide if the guardianship can be made. */
export interface ApplicantFacts {
  /** Keyed hash of the national ID. */
  nationalIdLookup: string;
  name: string;
  email: string;
  /** The person with this national ID. */
  existing:
    | {
        id: string;
        name: string;
        isActive: boolean;
        /** The account has no sign-in yet, so an approval adds the entered logins to it. */
        isUnused: boolean;
        guardianship: { state: GuardianshipState } | undefined;
      }
    | undefined;
  /** The people with this email address and mobile number as a login. */
  emailOwnerId: string | undefined;
  mobileOwnerId: string | undefined;
}

/** The facts about the student of an application. */
export interface StudentFacts {
  nationalIdLookup: string | undefined;
  isAdult: boolean;
  /** The active and suspended guardianships. */
  guardianships: readonly { guardianId: string; state: GuardianshipState }[];
}

const byState: Readonly<Record<GuardianshipState, BindingConflict>> = {
  active: 'already_bound',
  suspended: 'suspended',
  revoked: 'ended_before',
  expired: 'ended_before',
};

/** Lists the conflicts of one applicant of an application. @param all the applicants, this one included */
export function findApplicantConflicts(
  applicant: ApplicantFacts,
  all: readonly ApplicantFacts[],
  student: StudentFacts,
): BindingConflict[] {
  const { existing, emailOwnerId, mobileOwnerId } = applicant;
  const others = all.filter((one) => one !== applicant);
  const isTaken = (ownerId: string | undefined): boolean => ownerId !== undefined && ownerId !== existing?.id;
  const found: (BindingConflict | false | undefined)[] = [
    isTaken(emailOwnerId) && 'email_taken',
    isTaken(mobileOwnerId) && 'mobile_taken',
    others.some((one) => one.nationalIdLookup === applicant.nationalIdLookup) && 'same_person',
    others.some((one) => one.email === applicant.email) && 'same_email',
    applicant.nationalIdLookup === student.nationalIdLookup && 'student_applies',
    ...findAccountConflicts(applicant),
  ];
  return found.filter((one) => one !== false && one !== undefined);
}

/** Lists the conflicts of an applicant with the account that has the same national ID. */
function findAccountConflicts({
  existing,
  name,
  emailOwnerId,
}: ApplicantFacts): (BindingConflict | false | undefined)[] {
  if (existing === undefined) return [];
  return [
    existing.guardianship && byState[existing.guardianship.state],
    searchableName(existing.name) !== searchableName(name) && 'name_differs',
    !existing.isActive && 'disabled',
    existing.isUnused && emailOwnerId !== existing.id && 'opens_account',
  ];
}

/**
 * Lists the conflicts of an application as a whole.
 *
 * @param validTo the last day of the delegation of a caregiver
 */
export function findApplicationConflicts(
  applicants: readonly ApplicantFacts[],
  student: StudentFacts,
  { validTo, today }: { validTo: string | null; today: string },
): BindingConflict[] {
  const { guardianships } = student;
  const ids = applicants.flatMap(({ existing }) => existing?.id ?? []);
  const isGuardian = (id: string): boolean => guardianships.some(({ guardianId }) => guardianId === id);
  const total = guardianships.length + applicants.length - ids.filter(isGuardian).length;
  const found: (BindingConflict | false)[] = [
    total > MAX_GUARDIANS && 'too_many_guardians',
    validTo !== null && validTo < today && 'delegation_over',
    guardianships.some(({ guardianId, state }) => state === 'suspended' && !ids.includes(guardianId)) &&
      'family_suspended',
    student.isAdult && 'adult_student',
  ];
  return found.filter((one) => one !== false);
}
