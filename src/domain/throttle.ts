/**
 * How many sign-in attempts are let through. Two rules work side by side: one per account, one per address. Both count an
 * attempt before the password is looked at, so fifty parallel guesses count as fifty; a success takes its own count back.
 * All numbers are whole, so that they fit an integer column.
 */
export interface ThrottleState {
  /** Account: consecutive failures. Address: drops in the bucket at `updatedAt`. */
  failures: number;
  /** Milliseconds since 1970; before it nothing is admitted. Always 0 for an address. */
  blockedUntil: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
}

/** The decision. `until` is the instant when another try makes sense; undefined: only an e-mail link or the IT desk helps. */
export type Admission =
  { admitted: true; next: ThrottleState } | { admitted: false; until: number | undefined; next: ThrottleState };

export interface ThrottleRule {
  /** So many attempts without any wait between them. */
  free: number;
  /** Wait after the last free attempt, in milliseconds; it doubles with each further failure. */
  firstDelay: number;
  /** The longest wait, in milliseconds. */
  maxDelay: number;
  /** After so many consecutive failures the account is locked. */
  lockAt: number;
}

export interface AddressRule {
  /** So many failures at once are borne. */
  capacity: number;
  /** One failure is forgotten in so many milliseconds. */
  msPerDrop: number;
}

/**
 * Five tries cover a person who mistypes and then remembers the other password. 30 s to 15 min make guessing useless without
 * locking a parent out for a day. 50 is well below the 100 consecutive failures of NIST SP 800-63B-4, section 3.2.2.
 */
export const ACCOUNT_RULE: ThrottleRule = { free: 5, firstDelay: 30_000, maxDelay: 900_000, lockAt: 50 };

/**
 * A school sits behind one address: 600 pupils at 8:00 with 5 % typing errors are 30 failures, a tenth of the bucket.
 * The rest is room for attempts in flight, which count until they succeed: keep fewer than 270 in the hashing queue.
 * A guesser has 300 tries and then one in a second.
 */
export const ADDRESS_RULE: AddressRule = { capacity: 300, msPerDrop: 1_000 };

/** Returns the rule of a network with `weight` times the budget of one address (network.ts). */
export function scaleRule({ capacity, msPerDrop }: AddressRule, weight: number): AddressRule {
  return { capacity: capacity * weight, msPerDrop: Math.ceil(msPerDrop / weight) };
}

/** The wait after the n-th consecutive failure, in milliseconds. */
function delayAfter(failures: number, rule: ThrottleRule): number {
  if (failures < rule.free) return 0;
  return Math.min(rule.maxDelay, rule.firstDelay * 2 ** (failures - rule.free));
}

/**
 * One attempt at one account. An admitted attempt is written down as a failure at once; after a success the caller removes
 * the row. A denied attempt is not a guess, so it changes nothing: nobody can keep an account blocked by knocking.
 */
export function admitAttempt(state: ThrottleState | undefined, now: number, rule: ThrottleRule): Admission {
  if (state && state.failures >= rule.lockAt) return { admitted: false, until: undefined, next: state };
  if (state && now < state.blockedUntil) return { admitted: false, until: state.blockedUntil, next: state };
  const failures = (state?.failures ?? 0) + 1;
  const delay = delayAfter(failures, rule);
  return { admitted: true, next: { failures, blockedUntil: delay === 0 ? 0 : now + delay, updatedAt: now } };
}

/**
 * Takes back an attempt whose password was never looked at, because the service was busy: it was no guess. The wait that it
 * began ends too; the one before was over, or it would not have been admitted.
 */
export function withdrawAttempt(state: ThrottleState): ThrottleState {
  return { ...state, failures: Math.max(0, state.failures - 1), blockedUntil: 0 };
}

/** The bucket at `now`. A part of a drop stays in `updatedAt`, so that the level is whole and nothing leaks twice. */
function leak(state: ThrottleState | undefined, now: number, rule: AddressRule): ThrottleState {
  if (!state) return { failures: 0, blockedUntil: 0, updatedAt: now };
  const leaked = Math.max(0, Math.floor((now - state.updatedAt) / rule.msPerDrop));
  if (leaked >= state.failures) return { failures: 0, blockedUntil: 0, updatedAt: Math.max(now, state.updatedAt) };
  const updatedAt = state.updatedAt + leaked * rule.msPerDrop;
  return { failures: state.failures - leaked, blockedUntil: 0, updatedAt };
}

/** One attempt from one address: a leaky bucket. Each attempt adds a drop; `refund` takes it back when it succeeded. */
export function admitFromAddress(state: ThrottleState | undefined, now: number, rule: AddressRule): Admission {
  const bucket = leak(state, now, rule);
  const excess = bucket.failures + 1 - rule.capacity;
  if (state && excess > 0) {
    return { admitted: false, until: bucket.updatedAt + excess * rule.msPerDrop, next: state };
  }
  return { admitted: true, next: { ...bucket, failures: bucket.failures + 1 } };
}

/** Gives back the drop of an attempt that succeeded, or that was never verified because the service was busy. */
export function refund(state: ThrottleState | undefined, now: number, rule: AddressRule): ThrottleState {
  const bucket = leak(state, now, rule);
  return { ...bucket, failures: Math.max(0, bucket.failures - 1) };
}
