import type { Clock } from '../../domain/clock.ts';
import { COMPLETED_SIGN_IN_POLICY, registerAddressAttempt } from '../../domain/throttling/throttle.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import { recordRefusal, THROTTLED } from './refusal-counters.ts';

/** The person has completed too many sign-ins. */
export class SignInLimitError extends RateLimitedError {
  override name = 'SignInLimitError';
  readonly personId: string;
  /** @param waitMs milliseconds until the next sign-in is admitted */
  constructor(personId: string, waitMs: number) {
    super(waitMs, true);
    this.personId = personId;
  }
}

/** Returns the key of the counter of completed sign-ins of a person. */
export function completedSignInsKey(personId: string): string {
  return `completed-sign-ins:${personId}`;
}

/**
 * Counts a new session of the person, which limits what a person can store. Call it in the transaction that stores the session, so that a
 * password without the second factor counts nothing.
 *
 * @throws {SignInLimitError} if the person has completed too many sign-ins
 */
export async function countCompletedSignIn(tx: Transaction, personId: string, now: number): Promise<void> {
  const key = completedSignInsKey(personId);
  const { state } = await throttles.readThrottleForUpdate(tx, key);
  const admission = registerAddressAttempt(state, now, COMPLETED_SIGN_IN_POLICY);
  if (!admission.admitted) throw new SignInLimitError(personId, (admission.until ?? now) - now);
  await throttles.upsertThrottle(tx, key, admission.next);
}

/** Records a refused sign-in. It needs its own transaction, because the refused one was rolled back. */
export function recordRefusedSignIn(
  { audit, clock }: { audit: Audit; clock: Clock },
  { personId }: SignInLimitError,
  address: string,
): Promise<void> {
  return audit.recordResult(async (tx) => {
    const key = completedSignInsKey(personId);
    const { refusals } = await throttles.readThrottleForUpdate(tx, key);
    const counter = { key, refusals, eventFields: { subjectId: personId } };
    const first = { event: THROTTLED.signIn, outcome: 'refused' as const, subjectId: personId, address };
    const events = await recordRefusal(tx, { counter, now: clock.now(), event: THROTTLED.signIn, first });
    return { result: undefined, events };
  });
}
