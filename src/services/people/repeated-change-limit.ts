import { MINUTE_MS } from '../../domain/duration.ts';
import { registerAddressAttempt, type LeakyBucketPolicy } from '../../domain/throttling/throttle.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';

/** Changes of one kind by one account: 20 at once, then one each half hour. Each mails other people, or is recorded forever. */
const REPEATED_CHANGE_POLICY: LeakyBucketPolicy = { capacity: 20, leakIntervalMs: 30 * MINUTE_MS };

/** A change that a person can take back and make again. */
export type RepeatedChange = 'application' | 'notice-answer' | 'report' | 'end-request' | 'consent';

/**
 * Counts a change that a person can repeat without end. Call it after the lock of the person, and before mails and audit entries.
 *
 * @throws {RateLimitedError} if the account has made it too often
 */
export async function countRepeatedChange(
  tx: Transaction,
  change: RepeatedChange,
  personId: string,
  now: number,
): Promise<void> {
  const key = `${change}-changes:${personId}`;
  const { state } = await throttles.readThrottleForUpdate(tx, key);
  const admission = registerAddressAttempt(state, now, REPEATED_CHANGE_POLICY);
  if (!admission.admitted) throw new RateLimitedError((admission.until ?? now) - now, true);
  await throttles.upsertThrottle(tx, key, admission.next);
}
