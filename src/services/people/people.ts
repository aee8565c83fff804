import { localDate, type Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import type { PersonFacts } from '../../domain/model.ts';
import * as credentials from '../../store/auth/credentials.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { PersonStatus } from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordVerifier } from '../authentication/password-verification.ts';
import { childDates } from './adult-days.ts';
import { clearFailures } from '../authentication/failure-reset.ts';

export interface PersonByLogin {
  personId: string;
  status: PersonStatus;
}

export interface People {
  /** Finds the facts of a person as of today; `undefined` if there is none or the account is disabled. */
  findActive(personId: string): Promise<PersonFacts | undefined>;
  /** Returns true if there is such an account and it is active. */
  isActive(personId: string): Promise<boolean>;
  /** Returns true if the account is active and its credential version is unchanged. */
  isCredentialCurrent(personId: string, credentialVersion: number): Promise<boolean>;
  /** Returns the language that a person chose, if any. */
  findChosenLocale(personId: string): Promise<string | undefined>;
  /**
   * Enables or disables an account. Disabling revokes sessions, grants and refresh tokens, and notifies relying parties.
   *
   * @param actorId the person who acted; `undefined` for an operator at the console
   * @returns false if there is no such person
   */
  setStatus(personId: string, status: PersonStatus, actorId: string | undefined): Promise<boolean>;
  /** Clears the failures of a person, and reopens a closed first password with the same expiry. */
  unlock(personId: string): Promise<void>;
  /** Returns the login to show to the person: the email address if there is one. */
  getPrimaryLogin(personId: string): Promise<string>;
}

interface Deps {
  store: Store;
  passwordVerifier: Pick<PasswordVerifier, 'resetFailures'>;
  clock: Clock;
  secrets: Pick<Secrets, 'mac' | 'open'>;
  log: Logger;
  audit: Pick<Audit, 'append'>;
  revocation: Revocation;
}

/** Loads the facts of a person as of today, whether the account is active or disabled. */
export function findFacts(
  { store, clock, secrets, log }: Pick<Deps, 'store' | 'clock' | 'secrets' | 'log'>,
  personId: string,
): Promise<PersonFacts | undefined> {
  const today = localDate(clock.now());
  return store.read((tx) => people.loadPersonFacts(tx, personId, today, childDates({ secrets, log }, today)));
}

/** Loads the facts of many people as of today, by their ids. */
export function listFacts(
  { store, clock, secrets, log }: Pick<Deps, 'store' | 'clock' | 'secrets' | 'log'>,
  personIds: readonly string[],
): Promise<Map<string, PersonFacts>> {
  const today = localDate(clock.now());
  return store.read((tx) => people.loadFactsOfPeople(tx, personIds, today, childDates({ secrets, log }, today)));
}

/** Finds the account with this login, active or disabled. */
export async function findByLogin(store: Store, typed: string): Promise<PersonByLogin | undefined> {
  const login = parseLogin(typed);
  if (login === undefined) return undefined;
  return store.read(async (tx) => {
    const personId = await people.findPersonIdByIdentifier(tx, login.kind, login.value);
    const person = personId === undefined ? undefined : await people.findPerson(tx, personId);
    return person && { personId: person.id, status: person.status };
  });
}

/** Creates `unlock` alone, for a command that needs nothing else. */
export function createUnlock({
  store,
  passwordVerifier,
  audit,
}: Pick<Deps, 'store' | 'passwordVerifier' | 'audit'>): People['unlock'] {
  return (personId) =>
    store.write(async (tx) => {
      await clearFailures(tx, { passwordVerifier, audit }, personId);
      await audit.append(tx, { event: 'person.unlocked', outcome: 'ok', subjectId: personId });
    });
}

export function createPeople({ store, passwordVerifier, clock, secrets, log, audit, revocation }: Deps): People {
  const findActive: People['findActive'] = async (personId) => {
    const facts = await findFacts({ store, clock, secrets, log }, personId);
    return facts?.isActive === true ? facts : undefined;
  };
  return {
    findActive,
    isActive: async (personId) =>
      (await store.read((tx) => people.findCredentialState(tx, personId)))?.status === 'active',
    isCredentialCurrent: async (personId, credentialVersion) => {
      const person = await store.read((tx) => people.findCredentialState(tx, personId));
      return person?.status === 'active' && person.credentialVersion === credentialVersion;
    },
    findChosenLocale: async (personId) => {
      const person = await store.read((tx) => people.findPerson(tx, personId));
      if (person === undefined || person.localeChosenAt === null) return undefined;
      return person.locale ?? undefined;
    },
    setStatus: async (personId, status, actorId) => {
      const hasChanged = await store.write(async (tx) => {
        if (!(await people.updatePersonStatus(tx, personId, status, clock.now()))) return false;
        // Also when enabling: a request that began before the disabling may have stored its link after it.
        await credentials.deleteResetLink(tx, personId);
        if (status === 'disabled') await revocation.revokeAllOf(tx, personId);
        else await clearFailures(tx, { passwordVerifier, audit }, personId);
        await audit.append(tx, {
          event: status === 'active' ? 'person.enabled' : 'person.disabled',
          outcome: 'ok',
          actorId,
          subjectId: personId,
        });
        return true;
      });
      return hasChanged;
    },
    unlock: createUnlock({ store, passwordVerifier, audit }),
    getPrimaryLogin: async (personId) => {
      const facts = await findActive(personId);
      return (facts?.identifiers.find(({ kind }) => kind === 'email') ?? facts?.identifiers[0])?.value ?? '';
    },
  };
}
