import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../domain/clock.ts';
import type { Login } from '../../domain/credentials/identifiers.ts';
import { normalizeNationalId } from '../../domain/credentials/national-id.ts';
import { normalizePassword } from '../../domain/credentials/password-policy.ts';
import { ADDRESS_POLICY } from '../../domain/throttling/throttle.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { HashQueueFullError, UnsupportedHashError } from '../../platform/errors.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import type { Logger } from '../../platform/logger.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import type { KnownDevices } from './known-devices.ts';
import {
  resetAfterSuccess,
  countAttempt,
  releaseAttempt,
  type AdmittedAttempt,
  type CounterKeys,
} from './login-throttle.ts';
import { createNetworkCounters } from './network-counters.ts';
import { clearCounter, closeWindows, createSummaryEvent, THROTTLED } from './refusal-counters.ts';

/**
 * Wrong tries after which a first password opens nothing any more. Only tries count for which the wait of the person had passed: five at
 * once, then after 30 s, 1, 2, 4 and 8 minutes. So closing one takes a quarter of an hour, under any number of logins.
 */
export const MAX_FIRST_PASSWORD_FAILURES = 10;

/** The event of a first password that too many wrong tries have closed; the person is mailed. */
const FIRST_PASSWORD_CLOSED_EVENT = 'first_password.closed';

/** A login as it was typed, normalized, or something that can be no login at all. */
export type TypedLogin = Login | { kind: 'other'; value: string };

export interface VerificationRequest {
  /** The person that the login box names; `undefined` when there is none, and nothing in the answer may tell. */
  personId: string | undefined;
  /** What was typed as login; `undefined` where nobody types one, because the person is known on this page. */
  login: TypedLogin | undefined;
  password: string;
  address: string;
  /** The token of the device (known-devices.ts). */
  device?: string | undefined;
}

export type VerificationResult =
  /** `credentialVersion` was read together with what the password was compared with. */
  | { kind: 'password' | 'first_password'; credentialVersion: number }
  | { kind: 'wrong' }
  /** `until` in ms; `undefined`: locked until an e-mailed link or the IT desk opens it. */
  | { kind: 'throttled'; until: number | undefined };

/** The one place where a password is compared, for every face: one counter for all of them. */
export interface PasswordVerifier {
  /**
   * @param auditEventFor what the audit log shall hold of it
   * @throws {HashQueueFullError} when too many hashes wait; the attempt is then not counted
   */
  verify(
    attempt: VerificationRequest,
    auditEventFor?: (result: VerificationResult) => AuditEvent,
  ): Promise<VerificationResult>;
  /**
   * Forgets the failures of a person under every login, because a lock has been opened. Locks counters and the audit log: do everything else
   * in the transaction first.
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
      const entrance = await audit.recordResult((tx) =>
        countAttempt(
          tx,
          keys,
          clock.now(),
          auditEventFor && (({ until }) => auditEventFor({ kind: 'throttled', until })),
        ),
      );
      if (entrance.kind === 'refused') return { kind: 'throttled', until: entrance.until };
      const { personId, password } = attempt;
      const result = await compare({ personId, account: keys.person, password, isOpen: entrance.canCompare }).catch(
        async (error: unknown) => {
          await store.write((tx) => releaseAttempt(tx, entrance, clock.now()));
          throw error;
        },
      );
      const isWrong = result.kind === 'wrong';
      await audit.recordResult(async (tx) => {
        const events = isWrong
          ? await countWrong(tx, keys, entrance)
          : await resetAfterSuccess(tx, keys, entrance, clock.now());
        return { result: undefined, events: auditEventFor === undefined ? events : [...events, auditEventFor(result)] };
      });
      return result;
    },
    resetFailures: createResetFailures(deps),
  };
}

/** `forgive` alone, for commands that verify no password. */
export function createResetFailures({
  secrets,
  audit,
}: Pick<Deps, 'secrets'> & { audit: Pick<Audit, 'append'> }): PasswordVerifier['resetFailures'] {
  return async (tx, personId) => {
    const logins = (await people.listIdentifiers(tx, personId)).map((identifier) => loginKey(secrets, identifier));
    const events: AuditEvent[] = [];
    for (const key of [...logins.sort(), personKey(personId)]) {
      const summary = await clearCounter(tx, key);
      if (summary !== undefined) events.push(createSummaryEvent(THROTTLED.signIn, summary, { subjectId: personId }));
    }
    for (const event of events) await audit.append(tx, event);
  };
}

function createCounterKeys({ secrets, knownDevices }: Deps): (attempt: VerificationRequest) => CounterKeys {
  return ({ login, personId, address, device }) => {
    const typed = login && loginKey(secrets, login);
    return {
      personId,
      device: knownDevices.findCounterKey(device, personId),
      login: typed,
      person: personId === undefined ? `unknown:${typed ?? ''}` : personKey(personId),
      networks: createNetworkCounters(secrets, 'address', address, ADDRESS_POLICY),
    };
  };
}

type FailureCounter = (tx: Transaction, keys: CounterKeys, entrance: AdmittedAttempt) => Promise<AuditEvent[]>;

/**
 * A wrong try counts on a first password that is open, and that takes a commit on the disk. So every wrong road ends with one and
 * writes a row that is there anyway: the time of the answer does not tell where a first password is open.
 */
function createFailureCounter({ clock, outbox, issuer }: Deps): FailureCounter {
  return async (tx, { personId, person }, { canCompare, isOnTime, windows }) => {
    const counts = canCompare && isOnTime ? personId : undefined;
    const now = clock.now();
    // Before the counters: a change of the password takes the two in this order.
    const first = await credentials.countFirstPasswordFailure(
      tx,
      counts ?? NO_PERSON_ID,
      MAX_FIRST_PASSWORD_FAILURES,
      now,
    );
    const isClosed = counts !== undefined && first !== undefined && first.closedAt !== null;
    if (isClosed) {
      await mailVerifiedAddresses(tx, outbox, counts, (name) => ({
        template: 'first-password-closed',
        locals: { name, closedAt: now, link: `${issuer}/forgot-password` },
      }));
    }
    const events = await closeWindows(tx, THROTTLED.signIn, windows.account);
    await throttles.insertThrottleIfAbsent(tx, person);
    events.push(...(await closeWindows(tx, THROTTLED.signIn, windows.networks)));
    if (isClosed) events.push({ event: FIRST_PASSWORD_CLOSED_EVENT, outcome: 'ok', subjectId: counts });
    return events;
  };
}

/** The id of no person: what is asked about it costs what asking costs. */
const NO_PERSON_ID = '';

function loginKey(secrets: Secrets, { kind, value }: TypedLogin): string {
  return `login:${secrets.mac('throttle', `${kind}:${value}`)}`;
}

function personKey(personId: string): string {
  return `person:${personId}`;
}

interface Typed {
  personId: string | undefined;
  /** Names the account also where there is none: its decoy costs the same at each attempt. */
  account: string;
  password: string;
  /** False while the person is locked: nothing is compared, for the same cost. */
  isOpen: boolean;
}

type Comparison = (typed: Typed) => Promise<VerificationResult>;

/** Compares with whatever opens the account today. Each road costs two reads and one argon2id verification. */
function createComparison({ store, hasher, secrets, clock, log }: Deps): Comparison {
  const compareFirst = (personId: string, first: credentials.FirstPassword, typed: string): boolean => {
    const isOpen = first.closedAt === null && first.expiresAt > clock.now();
    return isEqualConstantTime(first.mac, firstPasswordMac(secrets, personId, typed)) && isOpen;
  };
  /** A hash that can not be read opens nothing. The person goes the way of a forgotten password, and the operator is told. */
  const compareHash = async (hash: string, typed: string): Promise<boolean> => {
    try {
      return await hasher.verify(hash, typed);
    } catch (error) {
      if (!(error instanceof UnsupportedHashError)) throw error;
      log.error({ err: error }, 'a stored password hash can not be read');
      return hasher.verifyDecoy(typed);
    }
  };
  const rehash = async (personId: string, old: string, password: string): Promise<void> => {
    if (!hasher.needsRehash(old)) return;
    try {
      const fresh = await hasher.hash(password);
      await store.write((tx) => credentials.replaceHash(tx, personId, old, fresh));
    } catch (error) {
      // Many people are signing in: this one is in, and the hash is renewed next time.
      if (!(error instanceof HashQueueFullError)) throw error;
    }
  };
  return async ({ personId, account, password, isOpen }) => {
    const typed = normalizePassword(password);
    const [{ hash, first, version: credentialVersion }, decoy] = await store.read((tx) =>
      Promise.all([
        credentials.getCredential(tx, personId ?? NO_PERSON_ID),
        credentials.findHashNear(tx, toUuid(secrets.mac('decoy', account))),
      ]),
    );
    const comparable = personId !== undefined && credentialVersion !== undefined && isOpen;
    if (comparable && hash !== undefined) {
      if (!(await compareHash(hash, typed))) return { kind: 'wrong' };
      await rehash(personId, hash, typed);
      return { kind: 'password', credentialVersion };
    }
    // The hash of a locked account sets the cost of its decoy, so the time does not tell of the lock.
    await hasher.verifyDecoy(typed, hash ?? decoy);
    const isFirst = comparable && first !== undefined && compareFirst(personId, first, typed);
    return isFirst ? { kind: 'first_password', credentialVersion } : { kind: 'wrong' };
  };
}

/** A value among the ids of persons, which are random. */
function toUuid(mac: string): string {
  const hex = Buffer.from(mac, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/**
 * First passwords are parts of an ID number: weak by nature, so a slow hash would not save them, but a keyed one keeps a
 * stolen dump from telling. Bound to its person.
 */
export function firstPasswordMac(secrets: Secrets, personId: string, typed: string): string {
  return secrets.mac('first-password', `${personId}\n${normalizeNationalId(typed)}`);
}

function isEqualConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
