import { createHash } from 'node:crypto';
import { MAX_LOGIN_LENGTH } from '../../domain/credentials/identifiers.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import type { RequestRateLimiter } from '../access/request-rate-limiter.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { ApplicationPasswords } from '../authentication/application-passwords.ts';
import { directoryLogin, type TypedLogin } from '../authentication/login-keys.ts';
import {
  NO_PERSON_ID,
  type PasswordVerifier,
  type VerificationResult,
} from '../authentication/password-verification.ts';
import type { SecondFactors } from '../authentication/second-factors.ts';
import type { People } from '../people/people.ts';
import type { RequiresSecondFactor } from '../settings/required-second-factor.ts';
import type { DecodedHandle, Directory, DirectoryClient } from './directory.ts';

export type PersonBind =
  | {
      kind: 'succeeded';
      client: DirectoryClient;
      personId: string;
      credentialVersion: number;
      applicationPasswordId?: string;
    }
  /** The first password or the one-time code was correct. It only allows setting an own password, on the web. */
  | { kind: 'password_change_required' }
  /** The password was correct, and the person signs in with a second factor. */
  | { kind: 'second_factor_required' }
  /** Too many attempts failed before, so the password was not compared. */
  | { kind: 'throttled' }
  /** The password is an application password of the person for another service account. */
  | { kind: 'other_service' }
  /** Wrong, unknown, locked and disabled. */
  | { kind: 'failed' };

interface PersonAttempt {
  /** A handle, or any other text, which costs the same. */
  name: string;
  password: string;
  address: string;
  /** The service account that was bound to the connection before. */
  serviceId: string | undefined;
}

interface BoundPerson {
  personId: string;
  credentialVersion: number;
  applicationPasswordId: string | undefined;
}

/** Reasons for the log. The client gets the same result. */
type ServiceRefusal = 'throttled' | 'unknown' | 'wrong_secret';

/** Authenticates the connections of the directory. */
export interface DirectoryBinds {
  /** Verifies the secret of a service account. @returns its hash */
  bindService(clientId: string, secret: string, address: string): Promise<{ secretHash: string } | ServiceRefusal>;
  /**
   * Verifies the password of a person, with the counters of the sign-in on the web.
   *
   * @throws {HashQueueFullError}
   */
  bindPerson(attempt: PersonAttempt): Promise<PersonBind>;
  /** Returns true if a person who is bound may still use the connection. */
  isCurrent(bound: BoundPerson): Promise<boolean>;
}

interface Deps {
  directory: Directory;
  people: Pick<People, 'isActive' | 'isCredentialCurrent'>;
  applicationPasswords: Pick<ApplicationPasswords, 'find' | 'use' | 'exists'>;
  passwordVerifier: Pick<PasswordVerifier, 'verify'>;
  secondFactors: Pick<SecondFactors, 'has'>;
  requiresSecondFactor: RequiresSecondFactor;
  rateLimiter: Pick<RequestRateLimiter, 'admitNetwork' | 'releaseNetwork'>;
  audit: Pick<Audit, 'record'>;
}

/** In place of the hashes of a client that does not exist. No secret has it. */
const NO_HASH = '0'.repeat(64);

export function createDirectoryBinds(deps: Deps): DirectoryBinds {
  const { directory, rateLimiter, audit, people, applicationPasswords, secondFactors, requiresSecondFactor } = deps;
  return {
    bindService: async (clientId, secret, address) => {
      if (!admit(rateLimiter, address)) return 'throttled';
      const client = await directory.findClient(clientId);
      const hashes = client?.secretHashes ?? [NO_HASH];
      const typed = createHash('sha256').update(secret).digest('hex');
      if (hashes.filter((hash) => isEqualConstantTime(hash, typed)).length === 0) {
        await audit.record({ event: 'directory.bind_failed', outcome: 'refused', clientId: client?.clientId, address });
        return client === undefined ? 'unknown' : 'wrong_secret';
      }
      rateLimiter.releaseNetwork('directory_bind', address);
      return { secretHash: typed };
    },
    bindPerson: async (attempt) => {
      const target = await findTarget(deps, attempt);
      const bound = await bindWithApplicationPassword(deps, target, attempt);
      if (bound?.kind === 'succeeded') return bound;
      const result = await bindWithOwnPassword(deps, target, attempt);
      return result.kind === 'failed' && bound !== undefined ? bound : result;
    },
    isCurrent: async ({ personId, credentialVersion, applicationPasswordId: id }) => {
      if (!(await people.isCredentialCurrent(personId, credentialVersion))) return false;
      if (id !== undefined) return applicationPasswords.exists(personId, id);
      return !(await secondFactors.has(personId)) && !(await requiresSecondFactor(personId));
    },
  };
}

function admit(rateLimiter: Deps['rateLimiter'], address: string): boolean {
  try {
    rateLimiter.admitNetwork('directory_bind', address);
    return true;
  } catch (error) {
    if (error instanceof RateLimitedError) return false;
    throw error;
  }
}

/** The name of a bind, decoded. Only the client of the service account is read for it, so every name costs the same. */
interface BindTarget {
  handle: DecodedHandle | undefined;
  /** The service account that was bound to the connection before, if it still may bind. */
  service: DirectoryClient | undefined;
  /** The handle is of the sector of the service account, whose registration applies. Otherwise all clients of the handle's sector do. */
  isOfService: boolean;
}

async function findTarget({ directory }: Deps, { name, serviceId }: PersonAttempt): Promise<BindTarget> {
  const service = serviceId === undefined ? undefined : await directory.findClient(serviceId);
  const isOfService = service !== undefined && directory.openHandle(service, name) !== undefined;
  return { handle: directory.decodeHandle(name), service, isOfService };
}

/**
 * Accepts an application password at its own service account. Wrong passwords are neither counted nor throttled here, because 140 bits
 * cannot be guessed; all other texts continue to `bindWithOwnPassword`, which counts them.
 *
 * @returns undefined if it is no valid application password for this name
 */
async function bindWithApplicationPassword(
  { directory, applicationPasswords }: Deps,
  { handle, service }: BindTarget,
  { name, password, address, serviceId }: PersonAttempt,
): Promise<Extract<PersonBind, { kind: 'succeeded' | 'other_service' }> | undefined> {
  const personId = handle?.personId ?? NO_PERSON_ID;
  const found = await applicationPasswords.find(personId, password);
  if (found === undefined) return undefined;
  if (serviceId !== undefined && serviceId !== found.clientId) return { kind: 'other_service' };
  const client = serviceId === undefined ? await directory.findClient(found.clientId) : service;
  if (client === undefined) return undefined;
  // The handle is of the sector of another service account.
  if (directory.openHandle(client, name) !== personId) return { kind: 'other_service' };
  if ((await directory.findPerson(client, personId)) === undefined) return undefined;
  const credentialVersion = await applicationPasswords.use(personId, found, address);
  if (credentialVersion === undefined) return undefined;
  return { kind: 'succeeded', client, personId, credentialVersion, applicationPasswordId: found.id };
}

/** A person whom the client of a bind sees. */
interface ShownPerson {
  personId: string;
  client: DirectoryClient;
  needsSecondFactor: boolean;
}

/**
 * Verifies the own password. The client and its view of the person are read after a correct one only, so that wrong, unknown, disabled and
 * locked cost the same queries. As on the web, a disabled account counts as unknown.
 */
async function bindWithOwnPassword(deps: Deps, target: BindTarget, attempt: PersonAttempt): Promise<PersonBind> {
  const { name, password, address } = attempt;
  const { handle, service, isOfService } = target;
  const isActive = await deps.people.isActive(handle?.personId ?? NO_PERSON_ID);
  const personId = isActive ? handle?.personId : undefined;
  let shown: ShownPerson | undefined;
  const auditEventFor = (result: VerificationResult): AuditEvent => {
    const { kind } = toPersonBind(result, shown);
    return {
      event: `sign_in.${kind}`,
      outcome: kind === 'failed' || kind === 'throttled' || kind === 'second_factor_required' ? 'refused' : 'ok',
      subjectId: personId,
      clientId: isOfService ? service?.clientId : handle?.clientId,
      address,
      detail: { protocol: 'ldap' },
    };
  };
  // Also without an active account: other spellings of a name would otherwise have other counters, and so tell that there is none.
  const login: TypedLogin =
    handle === undefined ? { kind: 'other', value: name.slice(0, MAX_LOGIN_LENGTH) } : directoryLogin(handle);
  // A service passes on passwords of its own sector, all from its own address. With one counter of the address, old passwords of some people
  // would refuse everyone.
  const serviceId = isOfService || handle === undefined ? service?.clientId : undefined;
  const onCorrect = async (): Promise<void> => {
    if (personId !== undefined) shown = await findShownPerson(deps, target, name, personId);
  };
  const verification = { personId, login, password, address, serviceId, onCorrect };
  const result = await deps.passwordVerifier.verify(verification, auditEventFor);
  return toPersonBind(result, shown);
}

/** @param shown undefined if no client shows the person */
function toPersonBind(result: VerificationResult, shown: ShownPerson | undefined): PersonBind {
  if (result.kind === 'throttled') return { kind: 'throttled' };
  if (result.kind === 'wrong' || shown === undefined) return { kind: 'failed' };
  if (result.kind === 'first_password') return { kind: 'password_change_required' };
  if (result.hasSecondFactor || shown.needsSecondFactor) return { kind: 'second_factor_required' };
  const { client, personId } = shown;
  return { kind: 'succeeded', client, personId, credentialVersion: result.credentialVersion };
}

async function findShownPerson(
  { directory, requiresSecondFactor }: Deps,
  { service, isOfService }: BindTarget,
  name: string,
  personId: string,
): Promise<ShownPerson | undefined> {
  const client = isOfService ? service : await directory.findClientOfHandle(name);
  if (client === undefined || (await directory.findPerson(client, personId)) === undefined) return undefined;
  return { personId, client, needsSecondFactor: await requiresSecondFactor(personId) };
}
