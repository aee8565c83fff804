import type { StaffAction } from './policy.ts';

/** The actions on an account, as the forms of the console name them. */
export const PERSON_ACTION_NAMES = [
  'reset-link',
  'one-time-code',
  'first-password',
  'unlock',
  'disable',
  'enable',
  'revoke-sessions',
  'remove-second-factor',
  'change-email',
  'change-mobile',
  'correct-name',
  'correct-national-id',
  'reveal-national-id',
  'suspend-guardianship',
  'resume-guardianship',
  'revoke-guardianship',
  'merge',
  'undo-merge',
] as const;
export type PersonActionName = (typeof PERSON_ACTION_NAMES)[number];

/** The action of the access policy for each of them. */
export const PERSON_ACTIONS: Readonly<Record<PersonActionName, StaffAction>> = {
  'reset-link': 'send_reset_link',
  'one-time-code': 'issue_one_time_code',
  'first-password': 'restore_first_password',
  unlock: 'unlock',
  disable: 'disable',
  enable: 'enable',
  'revoke-sessions': 'revoke_sessions',
  'remove-second-factor': 'remove_second_factor',
  'change-email': 'change_contact',
  'change-mobile': 'change_contact',
  'correct-name': 'correct_identity',
  'correct-national-id': 'correct_identity',
  'reveal-national-id': 'reveal_national_id',
  'suspend-guardianship': 'change_guardianship',
  'resume-guardianship': 'change_guardianship',
  'revoke-guardianship': 'change_guardianship',
  merge: 'merge',
  'undo-merge': 'merge',
};

/** The changes of duties by the bureau, which have pages of their own. */
export const DUTY_ACTION_NAMES = ['grant-duty', 'end-duty'] as const;
export type DutyActionName = (typeof DUTY_ACTION_NAMES)[number];

/** The changes of an account that can wait for a colleague. */
export type StaffChangeName = PersonActionName | DutyActionName;

/** The action of the access policy for each of them; the audit log has it too. */
export const STAFF_CHANGES: Readonly<Record<StaffChangeName, StaffAction>> = {
  ...PERSON_ACTIONS,
  'grant-duty': 'change_membership',
  'end-duty': 'change_membership',
};

/** Actions with a value that staff enter. */
export const INPUT_ACTION_NAMES = [
  'change-email',
  'change-mobile',
  'correct-name',
  'correct-national-id',
  'merge',
] as const;

/** Actions on a guardianship; the value is its id, and the person is the guardian. */
export const GUARDIANSHIP_ACTION_NAMES = [
  'suspend-guardianship',
  'resume-guardianship',
  'revoke-guardianship',
] as const;

/** Returns true for an action with a value that staff enter. */
export function hasInput(name: PersonActionName): boolean {
  return INPUT_ACTION_NAMES.some((one) => one === name);
}

const GUARDIANSHIP_CHANGES: Partial<Record<StaffChangeName, 'suspend' | 'resume' | 'revoke'>> = {
  'suspend-guardianship': 'suspend',
  'resume-guardianship': 'resume',
  'revoke-guardianship': 'revoke',
};

/** Returns the change of a guardianship that an action does; undefined for other actions. */
export function guardianshipActionOf(name: StaffChangeName): 'suspend' | 'resume' | 'revoke' | undefined {
  return GUARDIANSHIP_CHANGES[name];
}

/** Why an allowed action cannot be done; the names of messages. */
export const IMPOSSIBLE_REASONS = [
  'no_email',
  'too_many_links',
  'no_login',
  'disabled',
  'already_done',
  'no_national_id',
  'already_requested',
  'outdated',
  'no_factors',
  'school_account',
  'invalid_email',
  'invalid_mobile',
  'invalid_name',
  'invalid_national_id',
  'taken',
  'national_id_taken',
  'guardianship_state',
  'merge_not_found',
  'merge_family',
  'merge_guardianship',
  'merge_applications',
  'merge_order',
  'merge_dependent',
  'duty_unchanged',
] as const;
export type ImpossibleReason = (typeof IMPOSSIBLE_REASONS)[number];
