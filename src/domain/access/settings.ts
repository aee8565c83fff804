import type { PolicySettings } from './policy.ts';

/** The policies that the bureau sets. */
export interface BureauPolicy extends PolicySettings {
  /** In code points. */
  passwordMinLength: number;
  /** Days until a first password that staff restore expires. */
  firstPasswordDays: number;
  /** Days after the result until an application is deleted. */
  applicationDays: number;
  /** Days after the result until its evidence is deleted. */
  evidenceDays: number;
  /** Days between two reminders to a family that has not answered about the binding. */
  reminderDays: number;
  /** All staff need a second factor to sign in, not only those with a capacity in the console. */
  isSecondFactorRequiredForStaff: boolean;
}

/** The policy before the bureau changes it. */
export const DEFAULT_POLICY_SETTINGS: BureauPolicy = {
  isFirstPasswordRestorable: true,
  isGuardianContactConfirmed: true,
  passwordMinLength: 12,
  firstPasswordDays: 30,
  applicationDays: 365,
  evidenceDays: 30,
  reminderDays: 7,
  isSecondFactorRequiredForStaff: false,
};

/** Limits of the numbers. Eight characters are enough only together with a second factor (NIST SP 800-63B-4, section 3.1.1.2). */
export const POLICY_LIMITS = {
  passwordMinLength: { min: 12, max: 64 },
  firstPasswordDays: { min: 1, max: 365 },
  applicationDays: { min: 30, max: 3650 },
  evidenceDays: { min: 1, max: 365 },
  reminderDays: { min: 1, max: 90 },
} as const;

/** A text for all users, shown from `from` until `until` (ms since 1970). */
export interface Announcement {
  chinese: string;
  english: string;
  from: number;
  until: number;
}
