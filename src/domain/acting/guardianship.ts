import type { Guardianship, GuardianshipState, Validity } from '../model.ts';

export const GUARDIANSHIP_ACTIONS = ['suspend', 'resume', 'revoke', 'expire'] as const;
export type GuardianshipAction = (typeof GUARDIANSHIP_ACTIONS)[number];

const TRANSITIONS: Readonly<Record<GuardianshipState, Partial<Record<GuardianshipAction, GuardianshipState>>>> = {
  active: { suspend: 'suspended', revoke: 'revoked', expire: 'expired' },
  suspended: { resume: 'active', revoke: 'revoked', expire: 'expired' },
  revoked: {},
  expired: {},
};

/** Whether a day lies in a stretch of days, both ends included. Days are `YYYY-MM-DD`, so text order is date order. */
export function isWithinValidity(validity: Validity, today: string): boolean {
  const { validFrom, validTo } = validity;
  return (validFrom === undefined || validFrom <= today) && (validTo === undefined || today <= validTo);
}

/** Whether a guardianship counts today. It is the only question that relying parties get an answer to, never the reason. */
export function isActiveOn(guardianship: Guardianship, today: string): boolean {
  return guardianship.state === 'active' && isWithinValidity(guardianship, today);
}

/** The state after an action; undefined when the action is not allowed. Revoked and expired are final: a new one is made. */
export function nextState(state: GuardianshipState, action: GuardianshipAction): GuardianshipState | undefined {
  return TRANSITIONS[state][action];
}
