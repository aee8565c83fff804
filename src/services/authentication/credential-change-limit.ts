import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts';
import { registerAddressAttempt, type LeakyBucketPolicy } from '../../domain/throttling/throttle.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';

/**
 * Changes of one kind by one person: 30 at once, enough to replace ten second factors, then one each five minutes. Each sends mails and is
 * recorded forever.
 */
export const CREDENTIAL_CHANGE_POLICY: LeakyBucketPolicy = { capacity: 30, leakIntervalMs: 5 * MINUTE_MS };

/** Reset links that all staff send to one person: five at once, then five a day. */
const STAFF_LINK_POLICY: LeakyBucketPolicy = { capacity: 5, leakIntervalMs: DAY_MS / 5 };

/** Counts a reset link that staff send. Call it after `lockPerson`. @returns false if the person has been sent too many */
export async function admitStaffLink(tx: Transaction, personId: string, now: number): Promise<boolean> {
  const key = `staff-links:${personId}`;
  const { state } = await throttles.readThrottleForUpdate(tx, key);
  const admission = registerAddressAttempt(state, now, STAFF_LINK_POLICY);
  if (admission.admitted) await throttles.upsertThrottle(tx, key, admission.next);
  return admission.admitted;
}

/**
 * Counts a change of the own credentials. Call it in the transaction of the change, after its other
 * locks.
 *
 * @throws {RateLimitedError} if the person has changed them too often
 */
export async function countCredentialChange(
  tx: Transaction,
  kind: 'second-factor' | 'password' | 'application-password',
  personId: string,
  now: number,
): Promise<void> {
  const key = `${kind}-changes:${personId}`;
  const { state } = await throttles.readThrottleForUpdate(tx, key);
  const admission = registerAddressAttempt(state, now, CREDENTIAL_CHANGE_POLICY);
  if (!admission.admitted) throw new RateLimitedError((admission.until ?? now) - now, true);
  await throttles.upsertThrottle(tx, key, admission.next);
}
