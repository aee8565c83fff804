import type { Clock } from '../../domain/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../../domain/duration.ts';
import { registerAddressAttempt, type LeakyBucketPolicy } from '../../domain/throttling/throttle.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import { getCredential } from '../../store/auth/credentials.ts';
import * as factors from '../../store/auth/second-factors.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import {
  amrOfPasskey,
  assertionOptions,
  credentialIdOf,
  verifyAssertion,
  webAuthnPartyOf,
  type KeyMethod,
} from './passkeys.ts';
import { recordRefusal, THROTTLED } from './refusal-counters.ts';
import { resetSecondFactorFailures } from './second-factor-verification.ts';

/** Model of the used challenges. oidc-provider has no such model. They expire with the challenges. */
const CHALLENGE_MODEL = 'PasskeyChallenge';

/** As long as an interaction: afterwards the challenge is not accepted anyway. */
const CHALLENGE_MAX_AGE_MS = HOUR_MS;

interface PasskeyAttempt {
  /** The interaction of the page. */
  interaction: string;
  /** The response of the browser, as JSON. */
  response: string;
  /** The only accepted person; undefined at sign-in. */
  personId: string | undefined;
  /** The version that the password was verified against; undefined without a password. */
  credentialVersion: number | undefined;
  /** True if the attempt completes a sign-in. */
  isSignIn: boolean;
  address: string;
  clientId: string;
}

/** `amr`: the methods of the passkey (RFC 8176, section 2). */
type PasskeyResult =
  | { kind: 'verified'; personId: string; credentialVersion: number; amr: readonly string[] }
  | { kind: 'wrong' }
  /** The account was disabled, or its credential changed after the password was verified. */
  | { kind: 'expired' }
  /** The person has a first password or one-time code, and must set an own password with it first. */
  | { kind: 'first_password' };

export interface PasskeyVerifier {
  /**
   * Returns the options of `navigator.credentials.get`, as JSON.
   *
   * @param personId only the passkeys of this person are accepted; undefined at sign-in
   */
  request(interaction: string, personId: string | undefined): Promise<string>;
  /** Verifies a passkey. The challenge of an interaction works once. */
  verify(attempt: PasskeyAttempt): Promise<PasskeyResult>;
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  audit: Audit;
  issuer: string;
}

export function createPasskeyVerifier(deps: Deps): PasskeyVerifier {
  const { store, secrets, audit, issuer } = deps;
  const party = webAuthnPartyOf(issuer);
  // Not stored: the id of an interaction is random, and only its browser knows it.
  const challengeOf = (interaction: string): string => secrets.mac('passkey-challenge', interaction);
  return {
    request: async (interaction, personId) => {
      const known = personId === undefined ? [] : await store.read((tx) => factors.listSecondFactors(tx, personId));
      const credentialIds = known.flatMap(({ credentialId }) => credentialId ?? []);
      return assertionOptions(party, challengeOf(interaction), credentialIds);
    },
    verify: async (attempt) => {
      const credentialId = credentialIdOf(attempt.response);
      if (credentialId === undefined) return { kind: 'wrong' };
      const factor = await store.read((tx) => factors.findPasskey(tx, credentialId));
      if (factor === undefined || !isOwn(attempt, factor)) return { kind: 'wrong' };
      const { key: publicKey, counter } = factor;
      const passkey = { credentialId, publicKey, counter };
      const challenge = challengeOf(attempt.interaction);
      const verified = await verifyAssertion(party, challenge, attempt.response, passkey);
      return audit.recordResult(async (tx) => {
        const result: PasskeyResult =
          verified === undefined
            ? { kind: 'wrong' }
            : await accept(tx, deps, { attempt, factor, challenge, ...verified });
        const event = createEvent(attempt, factor.personId, result);
        const events =
          result.kind === 'verified'
            ? [...(await resetSecondFactorFailures(tx, factor.personId)), event]
            : await recordFailure(tx, deps, factor.personId, event);
        return { result, events };
      });
    },
  };
}

function isOwn({ personId }: PasskeyAttempt, factor: factors.SecondFactorRow): boolean {
  return personId === undefined || personId === factor.personId;
}

interface Acceptance {
  attempt: PasskeyAttempt;
  factor: factors.SecondFactorRow;
  challenge: string;
  counter: number;
  keyMethod: KeyMethod;
}

/** Uses the challenge and stores the signature counter, unless either was used or the credential changed in the meantime. */
async function accept(
  tx: Transaction,
  { clock }: Deps,
  { attempt, factor, challenge, counter, keyMethod }: Acceptance,
): Promise<PasskeyResult> {
  const { id, personId } = factor;
  const now = clock.now();
  const person = await people.lockPerson(tx, personId);
  const expected = attempt.credentialVersion ?? person?.credentialVersion;
  if (person?.status !== 'active' || person.credentialVersion !== expected) return { kind: 'expired' };
  // An expired or closed one counts too: the school replaced the password, so the passkey may be that of a thief.
  if ((await getCredential(tx, personId)).first !== undefined) return { kind: 'first_password' };
  const used = { model: CHALLENGE_MODEL, idHash: hashId(challenge), payload: '', createdAt: now };
  if (!(await records.insertRecordIfAbsent(tx, { ...used, expiresAt: now + CHALLENGE_MAX_AGE_MS })))
    return { kind: 'wrong' };
  if (!(await factors.usePasskey(tx, id, counter, now))) return { kind: 'wrong' };
  return { kind: 'verified', personId, credentialVersion: person.credentialVersion, amr: amrOfPasskey(keyMethod) };
}

/** Failures of one person with an audit entry each: 20 at once, then one per minute. */
const RECORDED_FAILURES: LeakyBucketPolicy = { capacity: 20, leakIntervalMs: MINUTE_MS };

/**
 * Counts a failure. Passkeys cannot be guessed, so failures never delay them. But anyone who knows the id of a passkey can fail without a
 * sign-in, so one entry sums up the failures beyond the limit.
 */
async function recordFailure(
  tx: Transaction,
  { clock }: Deps,
  personId: string,
  event: AuditEvent,
): Promise<AuditEvent[]> {
  const key = `second-factor-passkey:${personId}`;
  const now = clock.now();
  const { state, refusals } = await throttles.readThrottleForUpdate(tx, key);
  const admission = registerAddressAttempt(state, now, RECORDED_FAILURES);
  if (admission.admitted) {
    await throttles.upsertThrottle(tx, key, admission.next);
    return [event];
  }
  const counter = { key, refusals, eventFields: { subjectId: personId } };
  return recordRefusal(tx, { counter, now, event: THROTTLED.secondFactor, first: undefined });
}

function createEvent(
  { isSignIn, clientId, address }: PasskeyAttempt,
  personId: string,
  { kind }: PasskeyResult,
): AuditEvent {
  const detail = { second_factor: 'passkey' };
  const common = { subjectId: personId, clientId, address };
  if (kind !== 'verified')
    return { ...common, event: 'second_factor.failed', outcome: 'refused', detail: { ...detail, reason: kind } };
  return { ...common, event: isSignIn ? 'sign_in.succeeded' : 'second_factor.verified', outcome: 'ok', detail };
}
