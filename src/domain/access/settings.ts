import type { PolicySettings } from './policy.ts';

/** The policy before the bureau changes it. */
export const DEFAULT_POLICY_SETTINGS: PolicySettings = {
  isFirstPasswordRestorable: true,
  isGuardianContactConfirmed: true,
};
