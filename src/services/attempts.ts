import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../domain/clock.ts';
import type { Login } from '../domain/identifiers.ts';
import { normaliseNationalId } from '../domain/national-id.ts';
import { normalisePassword } from '../domain/password-policy.ts';
import { ACCOUNT_RULE, ADDRESS_RULE, admitAttempt, withdrawAttempt } from '../domain/throttle.ts';
import * as credentials from '../store/credentials.ts';
import type { Store, Unit } from '../store/database/index.ts';
import * as people from '../store/people.ts';
import * as throttles from '../store/throttles.ts';
import type { Audit, AuditEvent } from './audit.ts';
import { BusyError, UnreadableHashError } from './errors.ts';
import type { Hasher } from './hashing.ts';
import type { Logger } from './logger.ts';
import {
  admitFromNetworks,
  lockNetworks,
  networkCounters,
  putNetworks,
  refundNetworks,
  type NetworkCounter,
} from './network-counters.ts';
import type { Secrets } from './secrets.ts';

/** Wrong tries after which a first password opens nothing any more (standards.md: a few). */
export const FIRST_PASSWORD_TRIES = 5;

/** A login as it was typed, normalised, or something that can be no login at all. */
export type TypedLogin = Login | { kind: 'other'; value: string };

export interface Attempt {
  /** The person that the login box names; `undefined` when there is none, and nothing in the answer may tell. */
  personId: string | undefined;
  /** What was typed as login; `undefined` where nobody types one, because the person is known on this page. */
  login: TypedLogin | undefined;
  password: string;
  address: string;
}

export type AttemptResult =
  | { kind: 'password'; compared: credentials.Compared }
  | { kind: 'first_password'; compared: credentials.Compared }
  | { kind: 'wrong' }
  /** `until` in ms; `undefined`: locked until an e-mailed link or the IT desk opens it. */
  | { kind: 'throttled'; until: number | undefined };

/** The one place where a password is compared, for every face: one counter for all of them. */
export interface Attempts {
  /**
   * @param tell what the audit log shall hold of it
   * @throws {BusyError} when too many hashes wait; the attempt is then not counted
   */
  verify(attempt: Attempt, tell?: (result: AttemptResult) => AuditEvent): Promise<AttemptResult>;
  /** Inside a unit of work: forgets the failures of a person under every login, because a lock has been opened. */
  forgive(u: Unit, personId: string): Promise<void>;
}

interface Deps {
  store: Store;
  hasher: Hasher;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  audit: Audit;
}

/**
 * An attempt counts on the typed login and on the person that it names. Only the first shows: a wait that went with the person
 * would tell that an e-mail address and a mobile number belong to one account, and so that there is one. Where the person's
 * counter alone refuses, nothing is compared, and the answer is that to a wrong password.
 */
interface Keys {
  login: string | undefined;
  /** A login that names nobody has one too, so that it costs the same statements. */
  person: string;
  networks: readonly NetworkCounter[];
}

type Entrance = { kind: 'refused'; until: number | undefined } | { kind: 'admitted'; compare: boolean };

export function createAttempts(deps: Deps): Attempts {
  const { store, secrets, audit } = deps;
  const counters = createCounters(deps);
  const compare = createComparison(deps);
  const keysOf = ({ login, personId, address }: Attempt): Keys => {
    const typed = login && loginKey(secrets, login);
    return {
      login: typed,
      person: personId === undefined ? `nobody:${typed ?? ''}` : personKey(personId),
      networks: networkCounters(secrets, 'address', address, ADDRESS_RULE),
    };
  };
  return {
    verify: async (attempt, tell) => {
      const keys = keysOf(attempt);
      const admission = await counters.admit(keys);
      if (admission.kind === 'refused') {
        const refused: AttemptResult = { kind: 'throttled', until: admission.until };
        if (tell !== undefined) await audit.record(tell(refused));
        return refused;
      }
      const personId = admission.compare ? attempt.personId : undefined;
      const result = await compare(personId, attempt.password).catch(async (error: unknown) => {
        await counters.notCompared(keys, admission.compare);
        throw error;
      });
      const settle = (u: Unit): Promise<void> =>
        result.kind === 'wrong' ? countWrong(u, deps, keys, personId) : counters.succeeded(u, keys);
      if (tell === undefined) await store.write(settle);
      else await audit.record(tell(result), settle);
      return result;
    },
    forgive: async (u, personId) => {
      const logins = (await people.identifiersOf(u, personId)).map((identifier) => loginKey(secrets, identifier));
      for (const key of [...logins.sort(), personKey(personId)]) await throttles.clearThrottle(u, key);
    },
  };
}

interface Counters {
  admit(keys: Keys): Promise<Entrance>;
  succeeded(u: Unit, keys: Keys): Promise<void>;
  notCompared(keys: Keys, person: boolean): Promise<void>;
}

/**
 * Counters are locked in the same order everywhere: logins, person, networks. What a unit asks at once is run in the order in which it was
 * asked, and shares a way to the database and back.
 */
function createCounters({ store, clock }: Deps): Counters {
  return {
    /** Counted before the comparison, so that fifty guesses at once count as fifty. */
    admit: ({ login, person, networks }) =>
      store.write(async (u) => {
        const [ofLogin, ofPerson, ofNetworks] = await Promise.all([
          login === undefined ? undefined : throttles.lockThrottle(u, login),
          throttles.lockThrottle(u, person),
          lockNetworks(u, networks),
        ]);
        const now = clock.now();
        // Where nobody types a login, there is nothing counted under it, and that is always admitted.
        const atLogin = admitAttempt(ofLogin, now, ACCOUNT_RULE);
        const atPerson = admitAttempt(ofPerson, now, ACCOUNT_RULE);
        const atNetworks = admitFromNetworks(networks, ofNetworks, now);
        if (!atLogin.admitted) return { kind: 'refused', until: atLogin.until };
        if (!atPerson.admitted && login === undefined) return { kind: 'refused', until: atPerson.until };
        if (!atNetworks.admitted) return { kind: 'refused', until: atNetworks.until };
        await Promise.all([
          login === undefined ? undefined : throttles.putThrottle(u, login, atLogin.next),
          // When it was not admitted, this writes what stands there already: it counts no further and costs the same.
          throttles.putThrottle(u, person, atPerson.next),
          putNetworks(u, networks, atNetworks.next),
        ]);
        return { kind: 'admitted', compare: atPerson.admitted };
      }),
    succeeded: async (u, keys) => {
      if (keys.login !== undefined) await throttles.clearThrottle(u, keys.login);
      await throttles.clearThrottle(u, keys.person);
      await refundNetworks(u, keys.networks, clock.now());
    },
    /** The password was never looked at, so this was no guess. */
    notCompared: (keys, person) =>
      store.write(async (u) => {
        for (const key of [keys.login, person ? keys.person : undefined]) {
          if (key === undefined) continue;
          const state = await throttles.lockThrottle(u, key);
          if (state !== undefined) await throttles.putThrottle(u, key, withdrawAttempt(state));
        }
        await refundNetworks(u, keys.networks, clock.now());
      }),
  };
}

/**
 * A wrong try counts on a first password that is open, and that takes a commit on the disk. So every wrong road ends with one and
 * writes a row that is there anyway: the time of the answer does not tell where a first password is open.
 *
 * @param personId whose password was compared, if anybody's
 */
async function countWrong(u: Unit, { clock }: Deps, keys: Keys, personId: string | undefined): Promise<void> {
  // Before the counter: a change of the password takes the two in this order.
  await credentials.countFirstPasswordFailure(u, personId ?? NOBODY, FIRST_PASSWORD_TRIES, clock.now());
  await throttles.touchThrottle(u, keys.person);
}

/** The id of no person: what is asked about it costs what asking costs. */
const NOBODY = '';

function loginKey(secrets: Secrets, { kind, value }: TypedLogin): string {
  return `login:${secrets.mac('throttle', `${kind}:${value}`)}`;
}

function personKey(personId: string): string {
  return `person:${personId}`;
}

type Comparison = (personId: string | undefined, password: string) => Promise<AttemptResult>;

/** Compares with whatever opens the account today. Each road costs one argon2id verification. */
function createComparison({ store, hasher, secrets, clock, log }: Deps): Comparison {
  const compareFirst = async (personId: string, first: credentials.FirstPassword, typed: string): Promise<boolean> => {
    const open = first.closedAt === null && first.expiresAt > clock.now();
    const matches = sameText(first.mac, firstPasswordMac(secrets, personId, typed));
    await hasher.verifyDecoy(typed);
    return open && matches;
  };
  /** A hash that can not be read opens nothing. The person goes the way of a forgotten password, and the operator is told. */
  const compareHash = async (hash: string, typed: string): Promise<boolean> => {
    try {
      return await hasher.verify(hash, typed);
    } catch (error) {
      if (!(error instanceof UnreadableHashError)) throw error;
      log.error({ err: error }, 'a stored password hash can not be read');
      return hasher.verifyDecoy(typed);
    }
  };
  /** @returns the hash that is stored afterwards */
  const rehash = async (personId: string, old: string, password: string): Promise<string> => {
    if (!hasher.isOutdated(old)) return old;
    try {
      const fresh = await hasher.hash(password);
      return (await store.write((u) => credentials.replaceHash(u, personId, old, fresh))) ? fresh : old;
    } catch (error) {
      // Many people are signing in: this one is in, and the hash is renewed next time.
      if (!(error instanceof BusyError)) throw error;
      return old;
    }
  };
  return async (personId, password) => {
    const typed = normalisePassword(password);
    const credential = await store.read((u) => credentials.credentialOf(u, personId ?? NOBODY));
    if (personId !== undefined && credential.first !== undefined) {
      const { first } = credential;
      const matches = await compareFirst(personId, first, typed);
      return matches ? { kind: 'first_password', compared: { firstMac: first.mac } } : { kind: 'wrong' };
    }
    if (personId === undefined || credential.hash === undefined) {
      await hasher.verifyDecoy(typed);
      return { kind: 'wrong' };
    }
    if (!(await compareHash(credential.hash, typed))) return { kind: 'wrong' };
    return { kind: 'password', compared: { hash: await rehash(personId, credential.hash, typed) } };
  };
}

/**
 * First passwords are parts of an ID number: weak by nature, so a slow hash would not save them, but a keyed one keeps a
 * stolen dump from telling (architecture.md). Bound to its person.
 */
export function firstPasswordMac(secrets: Secrets, personId: string, typed: string): string {
  return secrets.mac('first-password', `${personId}\n${normaliseNationalId(typed)}`);
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
