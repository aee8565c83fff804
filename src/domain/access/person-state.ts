import type { FirstPasswordKind } from '../credentials/first-password.ts';
import { ACCOUNT_POLICY } from '../throttling/throttle.ts';

/** The state of an account in one word, as the person page says it in a sentence. The first that applies. */
export type PersonState =
  | { kind: 'disabled' }
  /** Only a reset link or the IT desk ends it. */
  | { kind: 'locked'; failures: number }
  /** Wrong passwords delay the next attempt, in ms since 1970. */
  | { kind: 'delayed'; failures: number; until: number }
  | { kind: 'one_time_code' | 'first_password'; validity: 'open' | 'expired' | 'closed'; expiresAt: number }
  | { kind: 'no_password' }
  | { kind: 'active' };

interface AccountFacts {
  isActive: boolean;
  hasPassword: boolean;
  first: { kind: FirstPasswordKind; expiresAt: number; closedAt: number | null } | undefined;
  /** The counter of wrong passwords of the person. */
  throttle: { failures: number; blockedUntil: number } | undefined;
}

/** Returns the state of an account at `now` (ms). */
export function personStateOf({ isActive, hasPassword, first, throttle }: AccountFacts, now: number): PersonState {
  if (!isActive) return { kind: 'disabled' };
  const failures = throttle?.failures ?? 0;
  if (failures >= ACCOUNT_POLICY.lockAfterFailures) return { kind: 'locked', failures };
  const until = throttle?.blockedUntil ?? 0;
  if (until > now) return { kind: 'delayed', failures, until };
  if (first !== undefined) {
    const validity = first.closedAt !== null ? 'closed' : first.expiresAt <= now ? 'expired' : 'open';
    return {
      kind: first.kind === 'first' ? 'first_password' : 'one_time_code',
      validity,
      expiresAt: first.expiresAt,
    };
  }
  return hasPassword ? { kind: 'active' } : { kind: 'no_password' };
}
