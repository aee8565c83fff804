import type { Clock } from '../../domain/clock.ts';
import { MAX_FAILURES } from '../../domain/credentials/first-password.ts';
import { normalizeNationalId } from '../../domain/credentials/national-id.ts';
import { normalizePassword } from '../../domain/credentials/password-policy.ts';
import { ADDRESS_POLICY, SERVICE_ACCOUNT_POLICY, type AttemptWarning } from '../../domain/throttling/throttle.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { HashQueueFullError, UnsupportedHashError } from '../../platform/errors.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import type { Logger } from '../../platform/logger.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import { completedSignInsKey } from './completed-sign-ins.ts';
import type { KnownDevices } from './known-devices.ts';
import { listFailureKeys, loginKey, personKey, type TypedLogin } from './login-keys.ts';
import {
  resetAfterSuccess,
  countAttempt,
  findWarning,
  releaseAttempt,
  type AdmittedAttempt,
  type CounterKeys,
} from './login-throttle.ts';
import { createNetworkCounters } from './network-counters.ts';
import { clearCounter, closeWindows, createSummaryEvent, THROTTLED } from './refusal-counters.ts';

/** Event of a first password closed by too many wrong attempts; the person gets a mail. */
const FIRST_PASSWORD_CLOSED_EVENT = 'first_password.closed';

export interface VerificationRequest {
  /** The person with this login; `undefined` if there is none, which the result must not reveal. */
  personId: string | undefined;
  /** The typed login; `undefined` on pages where the person is already known. */
  login: TypedLogin | undefined;
  password: string;
  address: string;
  /** The service account of the directory that passed the password on. Its counter replaces that of its address. */
  serviceId?: string | undefined;
  /** The token of the device (known-devices.ts). */
  device?: string | undefined;
  /** Runs after a correct password and before its result is recorded: reads that a wrong password must not cost. */
  onCorrect?: (() => Promise<void>) | undefined;
}

export type VerificationResult =
  /** `credentialVersion` and `hasSecondFactor` were read together with the compared hash. */
  | ({ kind: 'password' | 'first_password'; hasSecondFactor: boolean } & credentials.VerifiedCredential)
  | { kind: 'wrong'; warning?: AttemptWarning | undefined }
  /** `until` in ms; `undefined`: locked until a reset link or the IT desk unlocks the account. */
  | { kind: 'throttled'; until: number | undefined };

/** Verifies passwords for all protocols, with shared attempt counters (login-throttle.ts). */
export interface PasswordVerifier {
  /**
   * Verifies a password and counts the attempt.
   *
   * @param auditEventFor creates the audit entry of the result
   * @throws {HashQueueFullError} if too many hashes are queued; the attempt is not counted then
   */
  verify(
    attempt: VerificationRequest,
    auditEventFor?: (result: VerificationResult) => AuditEvent,
  ): Promise<VerificationResult>;
  /**
   * Resets the failures of a person under every login, and the completed sign-ins. Locks counters and the audit log, so it comes last in a
   * transaction.
   */
  resetFailures(tx: Transaction, personId: string): Promise<void>;
}

interface Deps {
  store: Store;
  hasher: PasswordHasher;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  audit: Audit;
  knownDevices: Pick<KnownDevices, 'findCounterKey'>;
  outbox: Outbox;
  issuer: string;
}

export function createPasswordVerifier(deps: Deps): PasswordVerifier {
  const { store, clock, audit } = deps;
  const compare = createComparison(deps);
  const countWrong = createFailureCounter(deps);
  const keysOf = createCounterKeys(deps);
  return {
    verify: async (attempt, auditEventFor) => {
      const keys = keysOf(attempt);
      const admission = await audit.recordResult((tx) =>
        countAttempt(
          tx,
          keys,
          clock.now(),
          auditEventFor && (({ until }) => auditEventFor({ kind: 'throttled', until })),
        ),
      );
      if (admission.kind === 'refused') return { kind: 'throttled', until: admission.until };
      const { personId, password, onCorrect } = attempt;
      const { canCompare } = admission;
      const compareAndRead = async (): Promise<VerificationResult> => {
        const compared = await compare({ personId, account: keys.person, password, canCompare });
        if (compared.kind !== 'wrong') await onCorrect?.();
        return compared;
      };
      const compared = await compareAndRead().catch(async (error: unknown) => {
        await store.write((tx) => releaseAttempt(tx, admission, clock.now()));
        throw error;
      });
      const warning = compared.kind === 'wrong' ? findWarning(keys, admission, clock.now()) : undefined;
      const result: VerificationResult = warning === undefined ? compared : { kind: 'wrong', warning };
      return audit.recordResult(async (tx) => {
        const events =
          result.kind === 'wrong'
            ? await countWrong(tx, keys, admission)
            : await resetAfterSuccess(tx, keys, admission, clock.now());
        return { result, events: auditEventFor === undefined ? events : [...events, auditEventFor(result)] };
      });
    },
    resetFailures: createResetFailures(deps),
  };
}

/** Creates `resetFailures` alone, for commands that verify no password. */
export function createResetFailures({
  secrets,
  audit,
}: Pick<Deps, 'secrets'> & { audit: Pick<Audit, 'append'> }): PasswordVerifier['resetFailures'] {
  return async (tx, personId) => {
    const events: AuditEvent[] = [];
    for (const key of [completedSignInsKey(personId), ...(await listFailureKeys(tx, secrets, personId))]) {
      const summary = await clearCounter(tx, key);
      if (summary !== undefined) events.push(createSummaryEvent(THROTTLED.signIn, summary, { subjectId: personId }));
    }
    for (const event of events) await audit.append(tx, event);
  };
}

function createCounterKeys({ secrets, knownDevices }: Deps): (attempt: VerificationRequest) => CounterKeys {
  return ({ login, personId, address, serviceId, device }) => {
    const typed = login && loginKey(secrets, login);
    return {
      personId,
      device: knownDevices.findCounterKey(device, personId),
      login: typed,
      person: personId === undefined ? `unknown:${typed ?? ''}` : personKey(personId),
      networks:
        serviceId === undefined
          ? createNetworkCounters(secrets, 'address', address, ADDRESS_POLICY)
          : [{ key: `service:${serviceId}`, name: `service account ${serviceId}`, policy: SERVICE_ACCOUNT_POLICY }],
    };
  };
}

type FailureCounter = (tx: Transaction, keys: CounterKeys, admission: AdmittedAttempt) => Promise<AuditEvent[]>;

/**
 * Counts a wrong attempt for an open first password, which takes a commit on disk. Every other wrong attempt also commits a write, so the
 * response time does not reveal an open first password.
 */
function createFailureCounter({ clock, outbox, issuer }: Deps): FailureCounter {
  return async (tx, { personId, person }, { canCompare, isOnTime, windows }) => {
    const counts = canCompare && isOnTime ? personId : undefined;
    const now = clock.now();
    // Before the counters: a password change locks the two in this order.
    const first = await credentials.countFirstPasswordFailure(tx, counts ?? NO_PERSON_ID, MAX_FAILURES, now);
    const isClosed = counts !== undefined && first !== undefined && first.closedAt !== null;
    if (isClosed) {
      await mailVerifiedAddresses(tx, outbox, counts, (name) => ({
        template: 'first-password-closed',
        locals: { name, closedAt: now, link: `${issuer}/forgot-password` },
      }));
    }
    const events = await closeWindows(tx, THROTTLED.signIn, windows.account);
    await throttles.touchThrottle(tx, person);
    events.push(...(await closeWindows(tx, THROTTLED.signIn, windows.networks)));
    if (isClosed) events.push({ event: FIRST_PASSWORD_CLOSED_EVENT, outcome: 'ok', subjectId: counts });
    return events;
  };
}

/** An id without a person, so that the same queries run when there is none. */
export const NO_PERSON_ID = '';

interface ComparisonInput {
  personId: string | undefined;
  /** Key of the account, also if it does not exist: its decoy costs the same at each attempt. */
  account: string;
  password: string;
  /** False while the person is locked: a decoy of the same cost replaces the comparison. */
  canCompare: boolean;
}

type Comparison = (input: ComparisonInput) => Promise<VerificationResult>;

/** Compares with the password or first password. Every path costs two reads and one argon2id verification. */
function createComparison({ store, hasher, secrets, clock, log }: Deps): Comparison {
  const compareFirst = (personId: string, first: credentials.FirstPassword, typed: string): boolean => {
    const isOpen = first.closedAt === null && first.expiresAt > clock.now();
    return isEqualConstantTime(first.mac, firstPasswordMac(secrets, personId, typed)) && isOpen;
  };
  /** Returns false for an unsupported hash and logs it. The person can reset the password. */
  const compareHash = async (hash: string, typed: string): Promise<boolean> => {
    try {
      return await hasher.verify(hash, typed);
    } catch (error) {
      if (!(error instanceof UnsupportedHashError)) throw error;
      log.error({ err: error }, 'failed to read a stored password hash');
      return hasher.verifyDecoy(typed);
    }
  };
  /** @returns the hash that is stored now */
  const rehash = async (personId: string, old: string, password: string): Promise<string> => {
    if (!hasher.needsRehash(old)) return old;
    try {
      const fresh = await hasher.hash(password);
      const isReplaced = await store.write((tx) => credentials.replaceHash(tx, personId, old, fresh));
      return isReplaced ? fresh : old;
    } catch (error) {
      // Under load the next sign-in renews the hash.
      if (!(error instanceof HashQueueFullError)) throw error;
      return old;
    }
  };
  return async ({ personId, account, password, canCompare }) => {
    const typed = normalizePassword(password);
    const [{ hash, first, version: credentialVersion, hasSecondFactor = false }, decoy] = await store.read((tx) =>
      Promise.all([
        credentials.getCredential(tx, personId ?? NO_PERSON_ID),
        credentials.findHashNear(tx, toUuid(secrets.mac('decoy', account))),
      ]),
    );
    const isComparable = personId !== undefined && credentialVersion !== undefined && canCompare;
    if (isComparable && hash !== undefined) {
      if (!(await compareHash(hash, typed))) return { kind: 'wrong' };
      return { kind: 'password', credentialVersion, hasSecondFactor, hash: await rehash(personId, hash, typed) };
    }
    // The decoy of a locked account costs the same as its hash, so the time does not reveal the lock.
    await hasher.verifyDecoy(typed, hash ?? decoy);
    const isFirst = isComparable && first !== undefined && compareFirst(personId, first, typed);
    return isFirst ? { kind: 'first_password', credentialVersion, hasSecondFactor } : { kind: 'wrong' };
  };
}

/** Formats a MAC as a UUID, to compare with the random ids of persons. */
function toUuid(mac: string): string {
  const hex = Buffer.from(mac, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/**
 * Computes the keyed hash of a first password, bound to its person. First passwords are parts of an ID number, so a slow hash would not
 * protect them; the key, which no dump contains, does.
 */
export function firstPasswordMac(secrets: Secrets, personId: string, typed: string): string {
  return secrets.mac('first-password', `${personId}\n${normalizeNationalId(typed)}`);
}
