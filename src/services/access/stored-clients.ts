import { z } from 'zod';
import { CLIENT_ID, clientSchema, type ClientRegistration } from '../../config/clients.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as clientStore from '../../store/oidc/clients.ts';

/** Registered relying parties of the database, in memory. Disabled ones are absent. */
export interface StoredClients {
  /** Returns the registration that this process read last. */
  find(clientId: string): ClientRegistration | undefined;
  /** Lists the registrations that this process read last. */
  list(): ClientRegistration[];
  /**
   * Reads one row by its key, so that a change on any node is effective at the next request. Reads the registration only if it has another
   * version.
   */
  refresh(clientId: string): Promise<ClientRegistration | undefined>;
  /** Reads all clients, if any of them has changed. Pages then know the names of clients that this node has not served yet. */
  refreshAll(): Promise<void>;
  /** Locks a client against a change until the transaction ends. @returns false if it is disabled */
  lockEnabled(tx: Transaction, clientId: string): Promise<boolean>;
}

interface Entry {
  version: number;
  /** Without previous secrets. */
  registration: ClientRegistration | undefined;
  secret: StoredSecret;
  directorySecret: StoredSecret;
}

/** The hashes of a secret and of the one before its last rotation, which is valid until `previousUntil`. */
interface StoredSecret {
  hash: string | null;
  previousHash: string | null;
  previousUntil: number;
}

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
}

export function createStoredClients({ store, clock, log }: Deps): StoredClients {
  let allVersion = '';
  let entries = new Map<string, Entry>();
  const toEntry = (row: clientStore.ClientRow): Entry => {
    const parsed = parseStored(row);
    if (!parsed.success) log.error({ err: parsed.error, clientId: row.clientId }, 'failed to parse a stored client');
    return {
      version: row.version,
      registration: parsed.success ? parsed.data : undefined,
      secret: {
        hash: row.secretHash,
        previousHash: row.previousSecretHash,
        previousUntil: row.previousSecretUntil ?? 0,
      },
      directorySecret: {
        hash: row.directorySecretHash,
        previousHash: row.previousDirectorySecretHash,
        previousUntil: row.previousDirectorySecretUntil ?? 0,
      },
    };
  };
  const find: StoredClients['find'] = (clientId) => {
    const entry = entries.get(clientId);
    if (entry?.registration === undefined) return undefined;
    const { registration, secret, directorySecret } = entry;
    const now = clock.now();
    const ldap = registration.ldap && { ...registration.ldap, secret_sha256: validHashes(directorySecret, now) };
    return { ...registration, client_secret_sha256: validHashes(secret, now), ...(ldap && { ldap }) };
  };
  return {
    find,
    list: () => [...entries.values()].flatMap(({ registration }) => registration ?? []),
    refresh: async (clientId) => {
      // PostgreSQL rejects a NUL, which a request can contain.
      if (!CLIENT_ID.test(clientId)) return undefined;
      const state = await store.read((tx) => clientStore.findClientState(tx, clientId));
      if (state?.disabledAt !== null) entries.delete(clientId);
      else if (entries.get(clientId)?.version !== state.version) {
        const row = await store.read((tx) => clientStore.findClient(tx, clientId));
        if (row?.disabledAt === null) entries.set(clientId, toEntry(row));
        else entries.delete(clientId);
      }
      return find(clientId);
    },
    refreshAll: async () => {
      const version = await store.read((tx) => clientStore.findClientsVersion(tx));
      if (version === allVersion) return;
      const rows = await store.read((tx) => clientStore.listEnabledClients(tx));
      entries = new Map(rows.map((row) => [row.clientId, toEntry(row)]));
      allVersion = version;
    },
    lockEnabled: (tx, clientId) => clientStore.lockEnabledClient(tx, clientId),
  };
}

/** Parses a row with the schema of the clients file. */
export function parseStored({
  registration,
  secretHash,
  directorySecretHash,
}: Pick<clientStore.ClientRow, 'registration' | 'secretHash' | 'directorySecretHash'>): ReturnType<
  typeof clientSchema.safeParse
> {
  const fields = z.looseObject({ ldap: z.looseObject({}).optional() }).safeParse(registration).data ?? {};
  const ldap = fields.ldap && { ...fields.ldap, secret_sha256: toList(directorySecretHash) };
  return clientSchema.safeParse({ ...fields, client_secret_sha256: toList(secretHash), ...(ldap && { ldap }) });
}

function toList(hash: string | null): string[] {
  return hash === null ? [] : [hash];
}

/** Returns the hashes of the secrets that are valid now, the newest first. */
function validHashes({ hash, previousHash, previousUntil }: StoredSecret, now: number): string[] {
  if (hash === null) return [];
  return [hash, ...(previousUntil > now ? toList(previousHash) : [])];
}
