import { MINUTE_MS } from '../duration.ts';

/**
 * Limits of sign-in attempts: one policy per account, one per address. Both count an attempt before the password is compared, so 50
 * parallel guesses count as 50. A success releases its own count. All numbers are integers, for the columns of the database.
 */
export interface ThrottleState {
  /** Account: consecutive failures. Address: level of the bucket at `updatedAt`. */
  failures: number;
  /** Milliseconds since 1970. Attempts before it are rejected. Always 0 for an address. */
  blockedUntil: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
}

/** `until` is the instant of the next admitted attempt; undefined for a locked account, which needs a reset link or the IT desk. */
export type AttemptDecision =
  { admitted: true; next: ThrottleState } | { admitted: false; until: number | undefined; next: ThrottleState };

export interface AccountThrottlePolicy {
  /** Attempts without a delay. */
  freeAttempts: number;
  /** Delay after the last free attempt, in milliseconds. It doubles with each failure. */
  firstDelayMs: number;
  /** The longest delay, in milliseconds. */
  maxDelayMs: number;
  /** Consecutive failures that lock the account. */
  lockAfterFailures: number;
}

export interface LeakyBucketPolicy {
  /** Failures that are admitted at once. */
  capacity: number;
  /** Milliseconds until one failure is forgotten. */
  leakIntervalMs: number;
}

/**
 * Five attempts suffice for a typing error and a confused password. Delays from 30 s to 15 min stop guessing, and no parent waits a
 * day. The lock comes well before the 100 consecutive failures of NIST SP 800-63B-4 (section 3.2.2).
 */
export const ACCOUNT_POLICY: AccountThrottlePolicy = {
  freeAttempts: 5,
  firstDelayMs: 30_000,
  maxDelayMs: 900_000,
  lockAfterFailures: 50,
};

/**
 * Consecutive failures after which all devices count as unknown. Unknown devices stop at 50, so known devices have 40. The sum is below the
 * 100 of NIST SP 800-63B-4, section 3.2.2.
 */
export const MAX_FAILURES_ACROSS_DEVICES = 90;

/**
 * A school uses one address: 600 pupils at 8:00 with 5 % typing errors are 30 failures, a tenth of the bucket. The other 270 are for
 * attempts in progress, which count until they succeed, so the hash queue must be shorter. An attacker has 300 attempts, then one per
 * second.
 */
export const ADDRESS_POLICY: LeakyBucketPolicy = { capacity: 300, leakIntervalMs: 1_000 };

/**
 * Passwords of people on the connections of one service account of the directory, such as the RADIUS server of the city. They all come from
 * its address, so they have a counter of their own: 100,000 devices at 8:00 with 5 % old passwords are half of the bucket, and devices
 * repeat them. The counters of each person remain. A stolen secret of a service has 10,000 attempts, then 20 per second, for all people.
 */
export const SERVICE_ACCOUNT_POLICY: LeakyBucketPolicy = { capacity: 10_000, leakIntervalMs: 50 };

/**
 * Completed sign-ins of one person: 60 at once, then one per minute. Each stores a session, audit entries and notices. It is enough for a
 * family or a club that shares an account; a class in a computer room is 30 persons. A person can complete at most 60 + 1,440 per day.
 */
export const COMPLETED_SIGN_IN_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: MINUTE_MS };

/** Returns the policy of a network with `weight` times the budget of one address (network.ts). */
export function scalePolicy({ capacity, leakIntervalMs }: LeakyBucketPolicy, weight: number): LeakyBucketPolicy {
  return { capacity: capacity * weight, leakIntervalMs: Math.ceil(leakIntervalMs / weight) };
}

/** Returns the delay after a number of consecutive failures. */
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

/** Adds a failure. Never shortens a delay that has not passed. */
function countFailure(state: ThrottleState | undefined, now: number, policy: AccountThrottlePolicy): ThrottleState {
  const failures = (state?.failures ?? 0) + 1;
  const delayMs = delayAfterMs(failures, policy);
  const remaining = state !== undefined && isDelayed(state, now) ? state.blockedUntil : 0;
  return { failures, blockedUntil: Math.max(remaining, delayMs === 0 ? 0 : now + delayMs), updatedAt: now };
}

/**
 * Registers one attempt at one counter. An admitted attempt counts as a failure at once; after a success the caller deletes the row. A
 * denied attempt changes nothing, because its password is not compared: denied attempts do not extend a delay.
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

/** The consequence of a wrong attempt that the person should know of. */
export type AttemptWarning =
  /** Another wrong attempt causes the first delay. */
  | { kind: 'last_free'; delayMs: number }
  /** Another wrong attempt locks the account. */
  | { kind: 'last_before_lock' }
  /** The next attempt is admitted at this instant. */
  | { kind: 'delayed'; until: number };

/** Returns the warning after a counted wrong attempt; undefined while several attempts are free, and after the lock. */
export function warningAfter(
  { failures, blockedUntil }: ThrottleState,
  now: number,
  policy: AccountThrottlePolicy,
): AttemptWarning | undefined {
  const next = failures + 1;
  if (failures >= policy.lockAfterFailures) return undefined;
  if (next === policy.lockAfterFailures) return { kind: 'last_before_lock' };
  if (blockedUntil > now) return { kind: 'delayed', until: blockedUntil };
  const delayMs = delayAfterMs(next, policy);
  return delayMs === 0 ? undefined : { kind: 'last_free', delayMs };
}

/** The counters of an account. `login` is also undefined on pages without a login field. */
export interface AccountStates {
  login: ThrottleState | undefined;
  person: ThrottleState | undefined;
}

export type AccountDecision =
  | { admitted: false; by: 'login' | 'person'; until: number | undefined }
  | {
      admitted: true;
      /** False while the person is locked: the password is not compared, and the response is that of a wrong password. */
      canCompare: boolean;
      /** True if the delay of the person has passed as well. */
      isOnTime: boolean;
      next: { login: ThrottleState; person: ThrottleState };
    };

/**
 * Registers an attempt of an unknown device. Only the delay of the typed login is visible: the delay of the person would reveal that two
 * logins belong to one account. A correct password under another login is therefore accepted during that delay. The attempt also counts
 * for the person, whose failures lead to a lock.
 *
 * @param isTyped false on a page where the person is known already; the delay of the person is visible there
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
 * Registers an attempt of a device on which the person has signed in before. Neither the delay nor the lock of the person applies to it.
 * Its failures also count for the person, without a delay, because one limit covers all devices. A locked device counts as unknown.
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

/** A counter before and after an attempt. */
export interface CountedAttempt {
  before: ThrottleState | undefined;
  next: ThrottleState;
}

/**
 * Releases an attempt whose password was not compared because the service was busy. The delay of attempts counted in the meantime stays,
 * unless too few failures remain for a delay.
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

/** Returns the bucket at `now`. `updatedAt` keeps the remainder of the interval, so that the level is an integer. */
function leak(state: ThrottleState | undefined, now: number, policy: LeakyBucketPolicy): ThrottleState {
  if (!state) return { failures: 0, blockedUntil: 0, updatedAt: now };
  const leaked = Math.max(0, Math.floor((now - state.updatedAt) / policy.leakIntervalMs));
  if (leaked >= state.failures) return { failures: 0, blockedUntil: 0, updatedAt: Math.max(now, state.updatedAt) };
  const updatedAt = state.updatedAt + leaked * policy.leakIntervalMs;
  return { failures: state.failures - leaked, blockedUntil: 0, updatedAt };
}

/** Registers one attempt from one address in its leaky bucket. `releaseAddressAttempt` releases it after a success. */
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

/** One of several counters of an attempt. */
export interface CountedPolicy {
  state: ThrottleState | undefined;
  policy: LeakyBucketPolicy;
}

/** The joint decision of several counters. */
export type JointDecision<T> =
  | { admitted: true; next: ThrottleState[] }
  /** `until`: the instant from which all counters admit. */
  | { admitted: false; until: number; by: T };

/** Admits an attempt if every counter does. Otherwise `by` is the counter with the longest wait. */
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

/** Releases an attempt that succeeded, or whose password was not compared because the service was busy. */
export function releaseAddressAttempt(
  state: ThrottleState | undefined,
  now: number,
  policy: LeakyBucketPolicy,
): ThrottleState {
  const bucket = leak(state, now, policy);
  return { ...bucket, failures: Math.max(0, bucket.failures - 1) };
}
