import { createHash } from 'node:crypto';
import { MAX_LOGIN_LENGTH } from '../../domain/credentials/identifiers.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import type { ClientRegistry } from '../access/client-registry.ts';
import type { RequestRateLimiter } from '../access/request-rate-limiter.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { PasswordVerifier, VerificationResult } from '../authentication/password-verification.ts';
import type { RequiresSecondFactor } from '../settings/required-second-factor.ts';
import type { Directory, DirectoryClient } from './directory.ts';

export type PersonBind =
  | { kind: 'succeeded'; client: DirectoryClient; personId: string; credentialVersion: number }
  /** The first password or the one-time code was correct. It only allows setting an own password, on the web. */
  | { kind: 'password_change_required' }
  /** The password was correct, and the person signs in with a second factor. */
  | { kind: 'second_factor_required' }
  /** Wrong, unknown, locked, throttled and disabled. */
  | { kind: 'failed' };

/** Authenticates the connections of the directory. */
export interface DirectoryBinds {
  /** Verifies the secret of a service account. */
  bindService(clientId: string, secret: string, address: string): Promise<DirectoryClient | undefined>;
  /**
   * Verifies the password of a person, with the counters of the sign-in on the web.
   *
   * @param name a handle, or any other text, which costs the same
   * @throws {HashQueueFullError}
   */
  bindPerson(name: string, password: string, address: string): Promise<PersonBind>;
  /** Returns true if a person who is bound may still use the connection. */
  isCurrent(personId: string, credentialVersion: number): Promise<boolean>;
}

interface Deps {
  directory: Directory;
  clients: Pick<ClientRegistry, 'refresh'>;
  people: { isCredentialCurrent(personId: string, credentialVersion: number): Promise<boolean> };
  passwordVerifier: Pick<PasswordVerifier, 'verify'>;
  requiresSecondFactor: RequiresSecondFactor;
  rateLimiter: Pick<RequestRateLimiter, 'admitNetwork' | 'releaseNetwork'>;
  audit: Pick<Audit, 'record'>;
}

/** In place of the hashes of a client that does not exist. No secret has it. */
const NO_HASH = '0'.repeat(64);

export function createDirectoryBinds(deps: Deps): DirectoryBinds {
  const { directory, clients, rateLimiter, audit, people } = deps;
  return {
    bindService: async (clientId, secret, address) => {
      if (!admit(rateLimiter, address)) return undefined;
      const client = await clients.refresh(clientId);
      const hashes = client?.ldap?.secret_sha256 ?? [NO_HASH];
      const typed = createHash('sha256').update(secret).digest('hex');
      if (hashes.filter((hash) => isEqualConstantTime(hash, typed)).length === 0) {
        const known = client?.ldap === undefined ? undefined : clientId;
        await audit.record({ event: 'directory.bind_failed', outcome: 'refused', clientId: known, address });
        return undefined;
      }
      rateLimiter.releaseNetwork('directory_bind', address);
      return directory.findClient(clientId);
    },
    bindPerson: (name, password, address) => bindPerson(deps, name, password, address),
    isCurrent: (personId, credentialVersion) => people.isCredentialCurrent(personId, credentialVersion),
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

async function bindPerson(deps: Deps, name: string, password: string, address: string): Promise<PersonBind> {
  const { directory, passwordVerifier, requiresSecondFactor } = deps;
  const client = await directory.findClientOfHandle(name);
  const opened = client && directory.openHandle(client, name);
  const person = client && opened !== undefined ? await directory.findPerson(client, opened) : undefined;
  const personId = person?.facts.id;
  const needsFactor = personId !== undefined && (await requiresSecondFactor(personId));
  const kindOf = (result: VerificationResult): PersonBind['kind'] | 'throttled' => {
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
  const result = await passwordVerifier.verify({ personId, login, password, address }, auditEventFor);
  const kind = kindOf(result);
  if (kind === 'throttled') return { kind: 'failed' };
  if (kind !== 'succeeded') return { kind };
  if (client === undefined || personId === undefined || result.kind !== 'password') return { kind: 'failed' };
  return { kind, client, personId, credentialVersion: result.credentialVersion };
}
