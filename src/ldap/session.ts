import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { DirectoryBinds } from '../services/directory/binds.ts';
import type { Directory, DirectoryClient } from '../services/directory/directory.ts';
import type { DirectoryGroups } from '../services/directory/groups.ts';
import type { DirectoryLookups } from '../services/directory/lookups.ts';
import type { DirectoryPasswordChanges } from '../services/directory/password-changes.ts';
import type { DirectoryScanAudit } from '../services/directory/scan-audit.ts';
import type { Tree } from './directory/tree.ts';
import type { Control, Entry } from './protocol.ts';

/** The account that is bound to a connection. */
export type Identity =
  | { kind: 'anonymous' }
  | { kind: 'service'; clientId: string; secretHash: string; name: string }
  | {
      kind: 'person';
      clientId: string;
      personId: string;
      credentialVersion: number;
      /** Undefined: bound with the own password. */
      applicationPasswordId: string | undefined;
      name: string;
    };

export const ANONYMOUS: Identity = { kind: 'anonymous' };

/** The state of a connection that operations read and change. */
export interface Session {
  identity: Identity;
  /** The service account that was bound last, also while a person is bound. */
  serviceId: string | undefined;
  isTls: boolean;
  /** Network address of the peer. */
  readonly address: string;
}

export interface LdapDeps {
  directory: Directory;
  groups: DirectoryGroups;
  lookups: DirectoryLookups;
  binds: DirectoryBinds;
  scanAudit: DirectoryScanAudit;
  passwordChanges: DirectoryPasswordChanges;
  tree: Tree;
  log: Logger;
  metrics: Metrics;
  /** Returns true if this address may send passwords without TLS. */
  isPlainAllowed: (address: string) => boolean;
  /** Limits of a search. Default: `SEARCH_LIMITS`. */
  searchLimits?: SearchLimits;
}

export interface SearchLimits {
  /** Most people that a search without permission to scan reads: an index can find many who do not match the rest of the filter. */
  maxRead: number;
  /** Returns the time of the time limit, ms. It never goes back. */
  now: () => number;
}

/** The services of operations that read. */
export type ReadDeps = Pick<
  LdapDeps,
  'directory' | 'groups' | 'lookups' | 'binds' | 'scanAudit' | 'tree' | 'searchLimits'
>;

/** The part of a connection that an operation may use. */
export interface OperationContext {
  session: Session;
  controls: readonly Control[];
  /** Sends an entry of a search. It does not wait for the peer: call `pause` after each batch. */
  send(entry: Entry): void;
  /**
   * Waits while the peer does not read its responses, and lets other operations and requests continue after 10 ms.
   *
   * @returns undefined, or a promise to wait for
   */
  pause: () => Promise<void> | undefined;
  /** Aborted when the client abandons the operation or the connection ends. */
  signal: AbortSignal;
}

/** The client whose registration applies to a connection, and the person who sees only the own entry. */
export interface Access {
  client: DirectoryClient;
  onlyPersonId: string | undefined;
}

/**
 * Returns what a connection may see now. Every operation asks again: a client that was disabled, a secret that was removed and a person whose
 * password changed have no access on connections that were bound before.
 */
export async function findAccess(
  deps: Pick<LdapDeps, 'directory' | 'binds' | 'tree'>,
  { identity }: Session,
): Promise<Access | undefined> {
  if (identity.kind === 'anonymous') return undefined;
  const { directory, binds } = deps;
  if (identity.kind === 'service') {
    const client = await directory.findClient(identity.clientId);
    const isCurrent = client?.secretHashes.includes(identity.secretHash) ?? false;
    return client !== undefined && isCurrent ? { client, onlyPersonId: undefined } : undefined;
  }
  const client = await findClientOfPerson(deps, identity);
  const isCurrent = await binds.isCurrent(identity);
  return client !== undefined && isCurrent ? { client, onlyPersonId: identity.personId } : undefined;
}

/** An application password shows what its service account sees. The own password shows what every one of the sector sees. */
function findClientOfPerson(
  { directory, tree }: Pick<LdapDeps, 'directory' | 'tree'>,
  { name, clientId, applicationPasswordId }: Extract<Identity, { kind: 'person' }>,
): Promise<DirectoryClient | undefined> {
  if (applicationPasswordId !== undefined) return directory.findClient(clientId);
  const target = tree.locate(name);
  return target?.kind === 'person' ? directory.findClientOfHandle(target.handle) : Promise.resolve(undefined);
}
