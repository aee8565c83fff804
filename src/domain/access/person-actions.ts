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
};
