import { isWindowOver } from '../../domain/throttling/refusals.ts';
import { COMPLETED_SIGN_IN_POLICY, registerAddressAttempt } from '../../domain/throttling/throttle.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { VerificationResult } from './password-verification.ts';
import { closeWindows, recordRefusal, THROTTLED } from './refusal-counters.ts';

interface CompletedSignIn {
  personId: string | undefined;
  /** A correct password. */
  result: VerificationResult;
  auditEventFor: (result: VerificationResult) => AuditEvent;
}

/**
 * Counts a sign-in with a correct password for the person. Each session needs one, so this limits what a person can store. A refused one is
 * not a failed attempt. Call it before the other counters are locked (login-throttle.ts).
 *
 * @returns the result for the browser, and the audit entries that belong to the same transaction
 */
export async function countCompletedSignIn(
  tx: Transaction,
  { personId = '', result, auditEventFor }: CompletedSignIn,
  now: number,
): Promise<{ result: VerificationResult; events: AuditEvent[] }> {
  const window = { key: `completed-sign-ins:${personId}`, eventFields: { subjectId: personId } };
  const { state, refusals } = await throttles.readThrottleForUpdate(tx, window.key);
  const admission = registerAddressAttempt(state, now, COMPLETED_SIGN_IN_POLICY);
  if (admission.admitted) {
    await throttles.upsertThrottle(tx, window.key, admission.next);
    const events = await closeWindows(tx, THROTTLED.signIn, isWindowOver(refusals, now) ? [window] : []);
    return { result, events: [...events, auditEventFor(result)] };
  }
  const refused: VerificationResult = { kind: 'throttled', until: admission.until };
  const counter = { ...window, refusals };
  const first = auditEventFor(refused);
  return { result: refused, events: await recordRefusal(tx, { counter, now, event: THROTTLED.signIn, first }) };
}
