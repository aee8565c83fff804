/** The reasons why an applicant cannot become a guardian as the application says; the names of messages. */
export const BINDING_CONFLICTS = [
  /** The email address or mobile number belongs to another person. */
  'email_taken',
  'mobile_taken',
  /** Both applicants have one national ID, or one email address. */
  'same_person',
  'same_email',
  /** An applicant has the national ID of the student. */
  'student_applies',
  /** The guardianship exists. */
  'already_bound',
  /** The person exists with another name. */
  'name_differs',
  /** A guardianship of this person for this child is suspended, or was ended. */
  'suspended',
  'ended_before',
  'too_many_guardians',
  /** The delegation of the caregiver is over. */
  'delegation_over',
  /** A guardianship of another person for this child is suspended. */
  'family_suspended',
  /** The student is an adult and gives the consent. */
  'adult_student',
  /** The account of the existing person is disabled. */
  'disabled',
  /** The existing person has no sign-in yet, and the entered email address opens the account. */
  'opens_account',
] as const;
export type BindingConflict = (typeof BINDING_CONFLICTS)[number];

/** Conflicts that the family corrects before it submits the application. */
export const FAMILY_CONFLICTS = [
  'same_person',
  'same_email',
  'student_applies',
] as const satisfies readonly BindingConflict[];
export type FamilyConflict = (typeof FAMILY_CONFLICTS)[number];

/** Most guardians of one child. */
export const MAX_GUARDIANS = 4;

/** Conflicts that forbid the approval; the others are shown to the reviewer, who decides. */
const BLOCKING: ReadonlySet<BindingConflict> = new Set([
  'email_taken',
  'same_person',
  'same_email',
  'student_applies',
  'already_bound',
  'suspended',
  'too_many_guardians',
  'delegation_over',
  'disabled',
]);

/** Returns true if an application with this conflict cannot be approved. */
export function isBlocking(conflict: BindingConflict): boolean {
  return BLOCKING.has(conflict);
}
