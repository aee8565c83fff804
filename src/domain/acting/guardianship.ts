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

/** Returns the state after an action; undefined when the action is not allowed. `revoked` and `expired` are final. */
export function nextState(state: GuardianshipState, action: GuardianshipAction): GuardianshipState | undefined {
  return TRANSITIONS[state][action];
}
