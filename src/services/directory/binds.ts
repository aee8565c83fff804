import { createHash } from 'node:crypto';
import { MAX_LOGIN_LENGTH } from '../../domain/credentials/identifiers.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import type { RequestRateLimiter } from '../access/request-rate-limiter.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { ApplicationPasswords } from '../authentication/application-passwords.ts';
import type { PasswordVerifier, VerificationResult } from '../authentication/password-verification.ts';
import type { SecondFactors } from '../authentication/second-factors.ts';
import type { RequiresSecondFactor } from '../settings/required-second-factor.ts';
import type { Directory, DirectoryClient } from './directory.ts';

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
  people: { isCredentialCurrent(personId: string, credentialVersion: number): Promise<boolean> };
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
      const bound = await bindWithApplicationPassword(deps, attempt);
      if (bound?.kind === 'succeeded') return bound;
      const result = await bindPerson(deps, attempt);
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

/**
 * Accepts an application password at its own service account. Wrong passwords are neither counted nor throttled here, because 140 bits
 * cannot be guessed; all other texts continue to `bindPerson`, which counts them.
 *
 * @returns undefined if it is no valid application password for this name
 */
async function bindWithApplicationPassword(
  { directory, applicationPasswords }: Deps,
  { name, password, address, serviceId }: PersonAttempt,
): Promise<Extract<PersonBind, { kind: 'succeeded' | 'other_service' }> | undefined> {
  const named = await directory.findClientOfHandle(name);
  const personId = named && directory.openHandle(named, name);
  const found = personId === undefined ? undefined : await applicationPasswords.find(personId, password);
  if (personId === undefined || found === undefined) return undefined;
  if (serviceId !== undefined && serviceId !== found.clientId) return { kind: 'other_service' };
  const client = await directory.findClient(found.clientId);
  if (client === undefined) return undefined;
  // The handle is of the sector of another service account.
  if (directory.openHandle(client, name) !== personId) return { kind: 'other_service' };
  if ((await directory.findPerson(client, personId)) === undefined) return undefined;
  const credentialVersion = await applicationPasswords.use(personId, found, address);
  if (credentialVersion === undefined) return undefined;
  return { kind: 'succeeded', client, personId, credentialVersion, applicationPasswordId: found.id };
}

/** An id without a person, so that the same queries run when there is none. */
const NO_PERSON_ID = '';

async function bindPerson(deps: Deps, attempt: PersonAttempt): Promise<PersonBind> {
  const { name, password, address } = attempt;
  const { directory, passwordVerifier, requiresSecondFactor } = deps;
  const { client, serviceId } = await findClientOfBind(deps, attempt);
  const opened = client && directory.openHandle(client, name);
  const person = client && opened !== undefined ? await directory.findPerson(client, opened) : undefined;
  const personId = person?.facts.id;
  // Also for people who are not there, so that the time does not tell who is disabled.
  const needsFactor = await requiresSecondFactor(opened ?? NO_PERSON_ID);
  const kindOf = (result: VerificationResult): PersonBind['kind'] => {
    if (result.kind === 'throttled') return 'throttled';
    if (result.kind === 'wrong' || personId === undefined) return 'failed';
    if (result.kind === 'first_password') return 'password_change_required';
    return result.hasSecondFactor || needsFactor ? 'second_factor_required' : 'succeeded';
  };
  const auditEventFor = (result: VerificationResult): AuditEvent => {
    const kind = kindOf(result);
    return {
      event: `sign_in.${kind}`,
      outcome: kind === 'failed' || kind === 'throttled' || kind === 'second_factor_required' ? 'refused' : 'ok',
      subjectId: personId,
      clientId: client?.clientId,
      address,
      detail: { protocol: 'ldap' },
    };
  };
  const login =
    personId === undefined ? ({ kind: 'other', value: name.slice(0, MAX_LOGIN_LENGTH) } as const) : undefined;
  const result = await passwordVerifier.verify({ personId, login, password, address, serviceId }, auditEventFor);
  const kind = kindOf(result);
  if (kind !== 'succeeded') return { kind };
  if (client === undefined || personId === undefined || result.kind !== 'password') return { kind: 'failed' };
  return { kind, client, personId, credentialVersion: result.credentialVersion };
}

/**
 * Finds the client whose registration applies to a bind: the service account that was bound to the connection before, which passes on
 * passwords of people whom it sees; without one, all clients of the sector of the typed name.
 *
 * @returns also the service account that the attempt counts for. A service passes on passwords of its own sector, all from its own address,
 *   so one counter of the address would let old passwords of some refuse everyone.
 */
async function findClientOfBind(
  { directory }: Deps,
  { name, serviceId }: PersonAttempt,
): Promise<{ client: DirectoryClient | undefined; serviceId: string | undefined }> {
  const named = await directory.findClientOfHandle(name);
  const service = serviceId === undefined ? undefined : await directory.findClient(serviceId);
  if (named === undefined) return { client: undefined, serviceId: service?.clientId };
  return named.sector === service?.sector
    ? { client: service, serviceId: service.clientId }
    : { client: named, serviceId: undefined };
}
