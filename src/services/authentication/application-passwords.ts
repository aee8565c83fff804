import {
  createApplicationPassword,
  normalizeApplicationPassword,
} from '../../domain/credentials/application-passwords.ts';
import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { isSessionActive } from '../../domain/sessions.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import * as passwords from '../../store/auth/application-passwords.ts';
import { findSession } from '../../store/auth/sessions.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { ListServiceAccounts } from '../directory/service-accounts.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses, type MailOrigin } from '../notifications/verified-addresses.ts';
import { countCredentialChange } from './credential-change-limit.ts';

/** More than the devices and services of one person. */
const MAX_APPLICATION_PASSWORDS = 20;
/** Uses within this time are recorded once, in ms: a mail program binds every few seconds. */
const LAST_USE_INTERVAL_MS = MINUTE_MS;

/** An application password as pages show it. `clientId` is the client of the service account. */
export type ApplicationPassword = Pick<
  passwords.ApplicationPasswordRow,
  'id' | 'clientId' | 'name' | 'createdAt' | 'lastUsedAt'
>;

interface OwnChange extends Pick<MailOrigin, 'lang'> {
  personId: string;
  address: string;
  /** Browser and system, for the list of changes. */
  device?: string | undefined;
}

interface Creation extends OwnChange {
  /** Unique id of the form. Sending the form again replaces the password that no response has shown. */
  id: string;
  clientId: string;
  name: string;
  /** The session of the request. */
  sessionHash: string;
}

type CreationResult =
  | { kind: 'created'; password: string }
  /** No such service account sees the person. */
  | { kind: 'unknown_service' }
  | { kind: 'too_many' }
  /** The session has ended or expired, or the password of this form is in use. */
  | { kind: 'expired' };

/**
 * Random passwords for one service account of the directory each. Nothing else accepts them. They end with all other access of the person:
 * with a new password, a reset, a disabled account.
 */
export interface ApplicationPasswords {
  /** Lists the clients that the person can create a password for. */
  listServiceAccounts: ListServiceAccounts;
  list(personId: string): Promise<ApplicationPassword[]>;
  /** Creates a password and mails a notice. @throws {RateLimitedError} if the person has created too many */
  create(creation: Creation): Promise<CreationResult>;
  /** @returns the revoked password; undefined if the person has no such password */
  revoke(change: OwnChange & { id: string }): Promise<ApplicationPassword | undefined>;
  /** Finds the password of this person with the typed text. Other texts than application passwords cost no query. */
  find(personId: string, typed: string): Promise<ApplicationPassword | undefined>;
  /**
   * Records a use, at most once a minute.
   *
   * @returns the credential version of the person; undefined if the password was revoked or the account disabled
   */
  use(personId: string, found: ApplicationPassword, address: string): Promise<number | undefined>;
  /** Returns true if the password is not revoked. */
  exists(personId: string, id: string): Promise<boolean>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  audit: Audit;
  outbox: Outbox;
  issuer: string;
  listServiceAccounts: ListServiceAccounts;
}

export function createApplicationPasswords(deps: Deps): ApplicationPasswords {
  const { store, listServiceAccounts } = deps;
  return {
    listServiceAccounts,
    list: async (personId) => (await store.read((tx) => passwords.listApplicationPasswords(tx, personId))).map(toShown),
    create: async (creation) => {
      // The registration applies again at each bind, so this check needs no lock.
      const services = await listServiceAccounts(creation.personId);
      if (!services.includes(creation.clientId)) return { kind: 'unknown_service' };
      return store.write((tx) => createIn(tx, deps, creation));
    },
    revoke: async ({ id, ...own }) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, own.personId);
        const row = await passwords.deleteApplicationPassword(tx, own.personId, id);
        if (row === undefined) return undefined;
        await record(tx, deps, own, 'application_password.revoked', row.clientId);
        return toShown(row);
      }),
    find: async (personId, typed) => {
      const normalized = normalizeApplicationPassword(typed);
      if (normalized === undefined) return undefined;
      const row = await store.read((tx) => passwords.findApplicationPassword(tx, hashId(normalized)));
      return row?.personId === personId ? toShown(row) : undefined;
    },
    use: (personId, found, address) => useIn(deps, personId, found, address),
    exists: (personId, id) => store.read((tx) => passwords.hasApplicationPassword(tx, personId, id)),
  };
}

function toShown({ id, clientId, name, createdAt, lastUsedAt }: passwords.ApplicationPasswordRow): ApplicationPassword {
  return { id, clientId, name, createdAt, lastUsedAt };
}

async function createIn(
  tx: Transaction,
  deps: Deps,
  { id, clientId, name, sessionHash, ...own }: Creation,
): Promise<CreationResult> {
  const { personId } = own;
  const person = await people.lockPerson(tx, personId);
  const session = await findSession(tx, sessionHash);
  const now = deps.clock.now();
  if (person?.status !== 'active' || !isSessionActive(session, now)) return { kind: 'expired' };
  const password = createApplicationPassword(deps.random);
  const secretHash = hashId(normalizeApplicationPassword(password) ?? '');
  const known = await passwords.listApplicationPasswords(tx, personId);
  if (known.some((one) => one.id === id)) {
    const replaced = await passwords.replaceUnusedSecret(tx, { id, personId, clientId, secretHash });
    return replaced ? { kind: 'created', password } : { kind: 'expired' };
  }
  if (known.length >= MAX_APPLICATION_PASSWORDS) return { kind: 'too_many' };
  const row = { id, personId, clientId, name, secretHash, createdAt: now };
  if (!(await passwords.insertApplicationPassword(tx, row))) return { kind: 'expired' };
  await countCredentialChange(tx, 'application-password', personId, now);
  await mailVerifiedAddresses(tx, deps.outbox, personId, (to) => ({
    template: 'application-password-created',
    locals: { name: to, password: name, at: now, link: `${deps.issuer}/account/application-passwords` },
    ...(own.device === undefined ? {} : { request: { at: now, device: own.device } }),
    lang: own.lang,
  }));
  await record(tx, deps, own, 'application_password.created', clientId);
  return { kind: 'created', password };
}

function record(
  tx: Transaction,
  { audit }: Deps,
  { personId, address, device }: OwnChange,
  event: 'application_password.created' | 'application_password.revoked',
  clientId: string,
): Promise<void> {
  const detail = device === undefined ? {} : { detail: { device } };
  return audit.append(tx, {
    event,
    outcome: 'ok',
    actorId: personId,
    subjectId: personId,
    clientId,
    address,
    ...detail,
  });
}

async function useIn(
  { audit, clock }: Deps,
  personId: string,
  { id, clientId }: ApplicationPassword,
  address: string,
): Promise<number | undefined> {
  const now = clock.now();
  return audit.recordResult(async (tx) => {
    const person = await people.findCredentialState(tx, personId);
    const isValid = person?.status === 'active' && (await passwords.hasApplicationPassword(tx, personId, id));
    if (!isValid) return { result: undefined, events: [] };
    const isRecorded = await passwords.updateLastUse(tx, id, { now, before: now - LAST_USE_INTERVAL_MS });
    const event = {
      event: 'application_password.used',
      outcome: 'ok',
      subjectId: personId,
      clientId,
      address,
    } as const;
    return { result: person.credentialVersion, events: isRecorded ? [event] : [] };
  });
}
