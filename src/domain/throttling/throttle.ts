/**
 * Limits of sign-in attempts: one rule per account, one per address. Both count an attempt before the password is compared, so fifty
 * parallel guesses count as fifty; a success takes its own count back. All numbers are whole, so that they fit an integer column.
 */
export interface ThrottleState {
  /** Account: consecutive failures. Address: drops in the bucket at `updatedAt`. */
  failures: number;
  /** Milliseconds since 1970; before it the account has to wait. Always 0 for an address. */
  blockedUntil: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
}

/** The decision. `until` is the instant when another try makes sense; undefined: only an e-mail link or the IT desk helps. */
export type AttemptDecision =
  { admitted: true; next: ThrottleState } | { admitted: false; until: number | undefined; next: ThrottleState };

export interface AccountThrottlePolicy {
  /** So many attempts without any wait between them. */
  freeAttempts: number;
  /** Wait after the last free attempt, in milliseconds; it doubles with each further failure. */
  firstDelayMs: number;
  /** The longest wait, in milliseconds. */
  maxDelayMs: number;
  /** After so many consecutive failures the account is locked. */
  lockAfterFailures: number;
}

export interface LeakyBucketPolicy {
  /** So many failures at once are borne. */
  capacity: number;
  /** One failure is forgotten in so many milliseconds. */
  leakIntervalMs: number;
}

/**
 * Five tries cover a person who mistypes and then remembers the other password. 30 s to 15 min make guessing useless without
 * locking a parent out for a day. 50 is well below the 100 consecutive failures of NIST SP 800-63B-4, section 3.2.2.
 */
export const ACCOUNT_POLICY: AccountThrottlePolicy = {
  freeAttempts: 5,
  firstDelayMs: 30_000,
  maxDelayMs: 900_000,
  lockAfterFailures: 50,
};

/**
 * Consecutive failures after which no device has a counter of its own any more. Unknown devices stop at 50, so 40 are left for known
 * ones; all together stay below the 100 of NIST SP 800-63B-4, section 3.2.2.
 */
export const MAX_FAILURES_ACROSS_DEVICES = 90;

/**
 * A school sits behind one address: 600 pupils at 8:00 with 5 % typing errors are 30 failures, a tenth of the bucket.
 * The rest is room for attempts in flight, which count until they succeed: keep fewer than 270 in the hashing queue.
 * A guesser has 300 tries and then one in a second.
 */
export const ADDRESS_POLICY: LeakyBucketPolicy = { capacity: 300, leakIntervalMs: 1_000 };

/** Returns the rule of a network with `weight` times the budget of one address (network.ts). */
export function scalePolicy({ capacity, leakIntervalMs }: LeakyBucketPolicy, weight: number): LeakyBucketPolicy {
  return { capacity: capacity * weight, leakIntervalMs: Math.ceil(leakIntervalMs / weight) };
}

/** The wait after the n-th consecutive failure, in milliseconds. */
function delayAfterMs(failures: number, policy: AccountThrottlePolicy): number {
  if (failures < policy.freeAttempts) return 0;
  return Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (failures - policy.freeAttempts));
}

function isLocked(state: ThrottleState | undefined, policy: AccountThrottlePolicy): boolean {
  return state !== undefined && state.failures >= policy.lockAfterFailures;
}

function isDelayed(state: ThrottleState | undefined, now: number): boolean {
  return state !== undefined && now < state.blockedUntil;
}

/** Adds a failure. A wait that has not passed yet never becomes shorter. */
function countFailure(state: ThrottleState | undefined, now: number, policy: AccountThrottlePolicy): ThrottleState {
  const failures = (state?.failures ?? 0) + 1;
  const delay = delayAfterMs(failures, policy);
  const remaining = state !== undefined && isDelayed(state, now) ? state.blockedUntil : 0;
  return { failures, blockedUntil: Math.max(remaining, delay === 0 ? 0 : now + delay), updatedAt: now };
}

/**
 * Decides about one attempt at one counter. An admitted attempt is counted as a failure at once; after a success the caller removes
 * the row. A denied attempt is not a guess, so it changes nothing: denied attempts do not keep an account blocked.
 */
export function registerAccountAttempt(
  state: ThrottleState | undefined,
  now: number,
  policy: AccountThrottlePolicy,
): AttemptDecision {
  if (state !== undefined && isLocked(state, policy)) return { admitted: false, until: undefined, next: state };
  if (state !== undefined && isDelayed(state, now)) return { admitted: false, until: state.blockedUntil, next: state };
  return { admitted: true, next: countFailure(state, now, policy) };
}

/** The counters of an account that an attempt can meet. `login` is undefined also where the page asks for none. */
export interface AccountStates {
  login: ThrottleState | undefined;
  person: ThrottleState | undefined;
}

export type AccountDecision =
  | { admitted: false; by: 'login' | 'person'; until: number | undefined }
  | {
      admitted: true;
      /** False while the person is locked: nothing is compared then, and the answer is that of a wrong password. */
      canCompare: boolean;
      /** Returns true if the wait of the person had passed, too. */
      isOnTime: boolean;
      next: { login: ThrottleState; person: ThrottleState };
    };

/**
 * Decides about an attempt of an unknown device. Only the wait of the typed login shows. The wait of the person would tell that two
 * logins belong to one account, so a right password under another login counts as right; the attempt counts on the person, whose
 * failures end in a lock.
 *
 * @param isTyped false on a page where the person is known already: the wait of the person shows there
 */
export function registerUnknownDeviceAttempt(
  { login, person }: AccountStates,
  isTyped: boolean,
  now: number,
  policy: AccountThrottlePolicy,
): AccountDecision {
  const atLogin = registerAccountAttempt(login, now, policy);
  if (!atLogin.admitted) return { admitted: false, by: 'login', until: atLogin.until };
  const atPerson = registerAccountAttempt(person, now, policy);
  if (!atPerson.admitted && !isTyped) return { admitted: false, by: 'person', until: atPerson.until };
  const canCompare = !isLocked(person, policy);
  const next = { login: atLogin.next, person: canCompare ? countFailure(person, now, policy) : atPerson.next };
  return { admitted: true, canCompare, isOnTime: atPerson.admitted, next };
}

export type DeviceDecision =
  | { kind: 'unknown' }
  | { kind: 'refused'; until: number }
  | { kind: 'admitted'; next: { device: ThrottleState; person: ThrottleState } };

/**
 * Decides about an attempt of a device on which the person has signed in before. Neither the wait nor the lock of the person holds it up.
 * Its failures count on the person as well, without a wait, because there is one limit for all devices. A locked device is unknown.
 */
export function registerKnownDeviceAttempt(
  { device, person }: { device: ThrottleState | undefined; person: ThrottleState | undefined },
  now: number,
  policy: AccountThrottlePolicy,
): DeviceDecision {
  if ((person?.failures ?? 0) >= MAX_FAILURES_ACROSS_DEVICES) return { kind: 'unknown' };
  const admission = registerAccountAttempt(device, now, policy);
  if (!admission.admitted) {
    return admission.until === undefined ? { kind: 'unknown' } : { kind: 'refused', until: admission.until };
  }
  const counted = { failures: (person?.failures ?? 0) + 1, blockedUntil: person?.blockedUntil ?? 0, updatedAt: now };
  return { kind: 'admitted', next: { device: admission.next, person: counted } };
}

/** What an attempt did to a counter. */
export interface CountedAttempt {
  before: ThrottleState | undefined;
  next: ThrottleState;
}

/**
 * Takes back an attempt whose password was not compared, because the service was busy: it was no guess. When others were counted in the
 * meantime, their wait stays, unless too few are left for a wait.
 */
export function releaseAccountAttempt(
  state: ThrottleState,
  { before, next }: CountedAttempt,
  policy: AccountThrottlePolicy,
): ThrottleState {
  const isLatest = state.failures === next.failures && state.updatedAt === next.updatedAt;
  if (isLatest) return before ?? { failures: 0, blockedUntil: 0, updatedAt: state.updatedAt };
  const failures = Math.max(0, state.failures - 1);
  return { ...state, failures, blockedUntil: failures < policy.freeAttempts ? 0 : state.blockedUntil };
}

/** The bucket at `now`. A part of a drop stays in `updatedAt`, so that the level is whole and nothing leaks twice. */
function leak(state: ThrottleState | undefined, now: number, policy: LeakyBucketPolicy): ThrottleState {
  if (!state) return { failures: 0, blockedUntil: 0, updatedAt: now };
  const leaked = Math.max(0, Math.floor((now - state.updatedAt) / policy.leakIntervalMs));
  if (leaked >= state.failures) return { failures: 0, blockedUntil: 0, updatedAt: Math.max(now, state.updatedAt) };
  const updatedAt = state.updatedAt + leaked * policy.leakIntervalMs;
  return { failures: state.failures - leaked, blockedUntil: 0, updatedAt };
}

/** One attempt from one address: a leaky bucket. Each attempt adds a drop; `refund` takes it back when it succeeded. */
export function registerAddressAttempt(
  state: ThrottleState | undefined,
  now: number,
  policy: LeakyBucketPolicy,
): AttemptDecision {
  const bucket = leak(state, now, policy);
  const excess = bucket.failures + 1 - policy.capacity;
  if (state && excess > 0) {
    return { admitted: false, until: bucket.updatedAt + excess * policy.leakIntervalMs, next: state };
  }
  return { admitted: true, next: { ...bucket, failures: bucket.failures + 1 } };
}

/** A counter of an attempt that is counted with several of them. */
export interface CountedPolicy {
  state: ThrottleState | undefined;
  policy: LeakyBucketPolicy;
}

/** The decision of several counters. */
export type JointDecision<T> =
  | { admitted: true; next: ThrottleState[] }
  /** `until`: the instant when all of them admit again. */
  | { admitted: false; until: number; by: T };

/** Admits an attempt when every counter does; otherwise the counter with the longest wait refuses. */
export function registerJointAttempt<T extends CountedPolicy>(counters: readonly T[], now: number): JointDecision<T> {
  const next: ThrottleState[] = [];
  let refusal: Extract<JointDecision<T>, { admitted: false }> | undefined;
  for (const counter of counters) {
    const admission = registerAddressAttempt(counter.state, now, counter.policy);
    next.push(admission.next);
    const until = admission.admitted ? undefined : admission.until;
    if (until !== undefined && until > (refusal?.until ?? 0)) refusal = { admitted: false, until, by: counter };
  }
  return refusal ?? { admitted: true, next };
}

/** Gives back the drop of an attempt that succeeded, or that was never verified because the service was busy. */
export function releaseAddressAttempt(
  state: ThrottleState | undefined,
  now: number,
  policy: LeakyBucketPolicy,
): ThrottleState {
  const bucket = leak(state, now, policy);
  return { ...bucket, failures: Math.max(0, bucket.failures - 1) };
}
