import type { Guardianship, GuardianshipState, Validity } from '../model.ts';

export const GUARDIANSHIP_ACTIONS = ['suspend', 'resume', 'revoke', 'expire'] as const;
export type GuardianshipAction = (typeof GUARDIANSHIP_ACTIONS)[number];

const TRANSITIONS: Readonly<Record<GuardianshipState, Partial<Record<GuardianshipAction, GuardianshipState>>>> = {
  active: { suspend: 'suspended', revoke: 'revoked', expire: 'expired' },
  suspended: { resume: 'active', revoke: 'revoked', expire: 'expired' },
  revoked: {},
  expired: {},
};

/** Returns true if a day is within a validity, first and last day included. Days are `YYYY-MM-DD`, so text order is date order. */
export function isWithinValidity(validity: Validity, today: string): boolean {
  const { validFrom, validTo } = validity;
  return (validFrom === undefined || validFrom <= today) && (validTo === undefined || today <= validTo);
}

/** Returns true if a guardianship is active and valid today. Relying parties see only this result, never the reason. */
export function isActiveOn(guardianship: Guardianship, today: string): boolean {
  return guardianship.state === 'active' && isWithinValidity(guardianship, today);
}

/** The state of a guardianship, and why it is suspended. Both causes can hold at once. */
export interface GuardianshipStatus {
  state: GuardianshipState;
  /** The student is an adult who has not consented. */
  isConsentAwaited: boolean;
  /** The school has suspended it. */
  isSuspendedBySchool: boolean;
}

/** Returns the status after an action of the school or the end date; undefined when the action is not allowed. */
export function statusAfter(status: GuardianshipStatus, action: GuardianshipAction): GuardianshipStatus | undefined {
  const state = nextState(status.state, action);
  if (state === undefined) return undefined;
  if (action === 'suspend') return { ...status, state, isSuspendedBySchool: true };
  if (action !== 'resume') return { ...status, state };
  if (!status.isConsentAwaited) return { ...status, state, isSuspendedBySchool: false };
  return status.isSuspendedBySchool ? { ...status, isSuspendedBySchool: false } : undefined;
}

/** Returns the status without the consent of the adult student: after the 18th birthday, or a withdrawal. */
export function statusWithoutConsent(status: GuardianshipStatus): GuardianshipStatus | undefined {
  const { state, isConsentAwaited } = status;
  if ((state !== 'active' && state !== 'suspended') || isConsentAwaited) return undefined;
  return { state: 'suspended', isConsentAwaited: true, isSuspendedBySchool: state === 'suspended' };
}

/** Returns the status after the adult student has consented. A suspension by the school remains. */
export function statusWithConsent(status: GuardianshipStatus): GuardianshipStatus | undefined {
  const { state, isConsentAwaited, isSuspendedBySchool } = status;
  if (state !== 'suspended' || !isConsentAwaited) return undefined;
  return { ...status, state: isSuspendedBySchool ? 'suspended' : 'active', isConsentAwaited: false };
}

/** Returns the state after an action; undefined when the action is not allowed. `revoked` and `expired` are final. */
export function nextState(state: GuardianshipState, action: GuardianshipAction): GuardianshipState | undefined {
  return TRANSITIONS[state][action];
}
