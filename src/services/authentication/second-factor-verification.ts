import type { Clock } from '../../domain/clock.ts';
import { isRecoveryCode, normalizeRecoveryCode } from '../../domain/credentials/recovery-codes.ts';
import { findTotpStep } from '../../domain/credentials/totp.ts';
import {
  ACCOUNT_POLICY,
  registerAccountAttempt,
  type AccountThrottlePolicy,
} from '../../domain/throttling/throttle.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import * as factors from '../../store/auth/second-factors.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { MailOrigin } from '../notifications/verified-addresses.ts';
import { clearCounter, createSummaryEvent, recordRefusal, THROTTLED } from './refusal-counters.ts';
import { mailSecondFactorChange, mailWrongCodes } from './second-factor-notices.ts';

/** The second factors that a person types. */
export type CodeMethod = 'totp' | 'recovery_code';

/** RFC 8176, section 2. Recovery codes are one-time passwords too. */
export const AMR_WITH_CODE = ['pwd', 'otp', 'mfa'];

/**
 * Codes of a sign-in, and codes of a session that is stepped up without the password. They count apart: the holder of a copied session cookie
 * does not delay or lock the codes of a sign-in, which end the delay of the others.
 */
type CodePurpose = 'sign_in' | 'step_up';

/**
 * As many wrong codes as wrong passwords. A recovery code still works when TOTP is locked, and unlocks it. The sum for TOTP is below the 100
 * of NIST SP 800-63B-4, section 3.2.2.
 */
const LOCK_AFTER_FAILURES: Record<CodePurpose, number> = {
  sign_in: ACCOUNT_POLICY.lockAfterFailures,
  step_up: ACCOUNT_POLICY.lockAfterFailures - 10,
};

function policyOf(method: CodeMethod, purpose: CodePurpose): AccountThrottlePolicy {
  // A lock of recovery codes would leave no way to sign in, and 120 bits cannot be guessed.
  return { ...ACCOUNT_POLICY, lockAfterFailures: method === 'totp' ? LOCK_AFTER_FAILURES[purpose] : Infinity };
}

interface CodeAttempt extends Pick<MailOrigin, 'lang'> {
  personId: string;
  /** The version that the password was verified against; undefined in a session. */
  credentialVersion: number | undefined;
  method: CodeMethod;
  /** As typed. */
  code: string;
  address: string;
  clientId: string;
}

/** `amr` contains the methods of the whole sign-in. */
export type CodeResult =
  | { kind: 'verified'; credentialVersion: number; amr: readonly string[] }
  | { kind: 'wrong' }
  /** The code was correct, but another request used it. */
  | { kind: 'used' }
  /** `until` in ms; undefined: locked until a recovery code or the IT desk unlocks it. */
  | { kind: 'throttled'; until: number | undefined }
  /** The account was disabled, or its credential changed after the password was verified. */
  | { kind: 'expired' };

export type VerifyCode = (attempt: CodeAttempt) => Promise<CodeResult>;

interface Deps {
  secrets: Secrets;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  issuer: string;
}

interface Outcome {
  result: CodeResult;
  events: AuditEvent[];
}

/**
 * Creates the verification of typed codes. The lock of the person serializes parallel attempts, so each code works once and each wrong code
 * counts.
 */
export function createVerifyCode(deps: Deps): VerifyCode {
  const { audit, clock } = deps;
  return (attempt) =>
    audit.recordResult(async (tx): Promise<Outcome> => {
      const { personId, method, credentialVersion: expected } = attempt;
      const person = await people.lockPerson(tx, personId);
      if (person?.status !== 'active' || (expected !== undefined && expected !== person.credentialVersion)) {
        return { result: { kind: 'expired' }, events: [] };
      }
      const purpose: CodePurpose = expected === undefined ? 'step_up' : 'sign_in';
      const key = codeCounterKey(method, personId, purpose);
      const counter = await throttles.readThrottleForUpdate(tx, key);
      const now = clock.now();
      const admission = registerAccountAttempt(counter.state, now, policyOf(method, purpose));
      if (!admission.admitted) {
        const first = createEvent('second_factor.failed', attempt, 'throttled');
        const refused = { key, refusals: counter.refusals, eventFields: { subjectId: personId } };
        const events = await recordRefusal(tx, { counter: refused, now, event: THROTTLED.secondFactor, first });
        return { result: { kind: 'throttled', until: admission.until }, events };
      }
      const kind = await consumeCode(tx, deps, attempt);
      if (kind !== 'consumed') {
        await throttles.upsertThrottle(tx, key, admission.next);
        if (admission.next.failures === ACCOUNT_POLICY.freeAttempts) await mailWrongCodes(tx, deps, personId, attempt);
        return { result: { kind }, events: [createEvent('second_factor.failed', attempt, kind)] };
      }
      const events = await resetSecondFactorFailures(tx, personId);
      if (method === 'recovery_code') await mailSecondFactorChange(tx, deps, personId, 'recoveryCodeUsed', attempt);
      const verified = createEvent(purpose === 'step_up' ? 'second_factor.verified' : 'sign_in.succeeded', attempt);
      const { credentialVersion } = person;
      return { result: { kind: 'verified', credentialVersion, amr: AMR_WITH_CODE }, events: [...events, verified] };
    });
}

async function consumeCode(
  tx: Transaction,
  { secrets, clock }: Deps,
  { personId, method, code }: CodeAttempt,
): Promise<'consumed' | 'used' | 'wrong'> {
  if (method === 'recovery_code') {
    const normalized = normalizeRecoveryCode(code);
    const isConsumed = isRecoveryCode(normalized) && factors.consumeRecoveryCode(tx, personId, hashId(normalized));
    return (await isConsumed) ? 'consumed' : 'wrong';
  }
  let result: 'used' | 'wrong' = 'wrong';
  for (const { id, kind, key, counter } of await factors.listSecondFactors(tx, personId)) {
    if (kind !== 'totp') continue;
    const step = findTotpStep(secrets.open('totp', id, key), code, clock.now());
    if (step === undefined) continue;
    // Each code works once (RFC 6238, section 5.2).
    if (step > counter && (await factors.advanceCounter(tx, id, step, clock.now()))) return 'consumed';
    result = 'used';
  }
  return result;
}

function createEvent(
  event: string,
  { personId, method, address, clientId }: CodeAttempt,
  reason?: 'wrong' | 'used' | 'throttled',
): AuditEvent {
  const detail = { second_factor: method, ...(reason === undefined ? {} : { reason }) };
  return { event, outcome: reason === undefined ? 'ok' : 'refused', subjectId: personId, clientId, address, detail };
}

/** Returns the key of the counter of wrong codes of a person. */
export function codeCounterKey(method: CodeMethod, personId: string, purpose: CodePurpose = 'sign_in'): string {
  return purpose === 'sign_in' ? `second-factor-${method}:${personId}` : `second-factor-${method}-step-up:${personId}`;
}

/** Lists the keys of all counters of wrong codes of a person, in the order of their locks. */
export function codeCounterKeys(personId: string): string[] {
  return (['recovery_code', 'totp'] as const).flatMap((method) =>
    (['sign_in', 'step_up'] as const).map((purpose) => codeCounterKey(method, personId, purpose)),
  );
}

/** Resets the wrong codes of a person. @returns the audit entries that sum up refused attempts */
export async function resetSecondFactorFailures(tx: Transaction, personId: string): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const key of codeCounterKeys(personId)) {
    const summary = await clearCounter(tx, key);
    if (summary !== undefined)
      events.push(createSummaryEvent(THROTTLED.secondFactor, summary, { subjectId: personId }));
  }
  return events;
}
