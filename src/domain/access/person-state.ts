import type { FirstPasswordKind } from '../credentials/first-password.ts';
import { ACCOUNT_POLICY } from '../throttling/throttle.ts';

/** The state of an account, as the person page says it in a sentence. */
export type PersonState =
  | { kind: 'disabled' }
  /** Only a reset link or the IT desk ends it. */
  | { kind: 'locked'; failures: number }
  /** Wrong passwords delay the next attempt, in ms since 1970. */
  | { kind: 'delayed'; failures: number; until: number }
  /** Only a recovery code or the IT desk ends it. */
  | { kind: 'second_factor_locked' }
  | { kind: 'one_time_code' | 'first_password'; validity: 'open' | 'expired' | 'closed'; expiresAt: number }
  | { kind: 'no_password' }
  | { kind: 'active' };

interface AccountFacts {
  isActive: boolean;
  hasPassword: boolean;
  first: { kind: FirstPasswordKind; expiresAt: number; closedAt: number | null } | undefined;
  /** The counter of wrong passwords of the person. */
  throttle: { failures: number; blockedUntil: number } | undefined;
  /** Consecutive wrong codes of the authenticator app. */
  wrongCodes: number;
}

/** Returns the state of an account at `now` (ms). A closed or expired code comes before a delay, because waiting does not help. */
export function personStateOf(account: AccountFacts, now: number): PersonState {
  const { isActive, hasPassword, first, throttle, wrongCodes } = account;
  if (!isActive) return { kind: 'disabled' };
  const { failures, blockedUntil } = throttle ?? { failures: 0, blockedUntil: 0 };
  if (failures >= ACCOUNT_POLICY.lockAfterFailures) return { kind: 'locked', failures };
  const firstState = first && firstPasswordState(first, now);
  if (firstState !== undefined && firstState.validity !== 'open') return firstState;
  if (wrongCodes >= ACCOUNT_POLICY.lockAfterFailures) return { kind: 'second_factor_locked' };
  if (blockedUntil > now) return { kind: 'delayed', failures, until: blockedUntil };
  return firstState ?? { kind: hasPassword ? 'active' : 'no_password' };
}

type FirstPasswordState = Extract<PersonState, { kind: 'one_time_code' | 'first_password' }>;

function firstPasswordState(
  { kind, expiresAt, closedAt }: NonNullable<AccountFacts['first']>,
  now: number,
): FirstPasswordState {
  const validity = closedAt !== null ? 'closed' : expiresAt <= now ? 'expired' : 'open';
  return { kind: kind === 'first' ? 'first_password' : 'one_time_code', validity, expiresAt };
}
