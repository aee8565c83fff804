import { statSync } from 'node:fs';
import type { ClientsFile } from '../../config/clients-file.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from './client-registry.ts';
import type { StoredClients } from './stored-clients.ts';

/** Takes changes of the clients file into use while the service runs. A file with an error changes nothing. */
export interface ClientsReload {
  /** Reloads the file if it has changed, and has stayed the same since the call before. */
  poll(): void;
  /** Reloads the file now. */
  reload(): void;
}

interface Deps {
  file: string;
  /** Reads and checks the file. @throws {Error} with one line for each problem */
  load: () => ClientsFile;
  clients: Pick<ClientRegistry, 'list' | 'listResources' | 'replaceFile'>;
  storedClients: Pick<StoredClients, 'find'>;
  metrics: Pick<Metrics, 'clientsReloads'>;
  log: Logger;
}

export function createClientsReload(deps: Deps): ClientsReload {
  const { file, load, clients, metrics, log } = deps;
  /** The versions of the file that the last reload read, and that the last call of `poll` saw. */
  let handled: string | undefined;
  let seen: string | undefined;
  const apply = (isRequested: boolean): void => {
    const version = versionOf(file);
    let next: ClientsFile;
    try {
      // A read of a pipe waits for its writer, and stops the process meanwhile.
      if (!statSync(file).isFile()) throw new Error(`${file}: is not a regular file; it can be read only at the start`);
      next = load();
    } catch (error) {
      // A file that changed meanwhile is read again when it no longer changes.
      if (!isRequested && versionOf(file) !== version) return;
      handled = version;
      metrics.clientsReloads.inc({ result: 'rejected' });
      const problems = error instanceof Error ? error.message.split('\n') : [String(error)];
      log.warn({ problems }, 'failed to reload the clients file; the clients that were loaded before stay in use');
      return;
    }
    handled = version;
    const changes = findChanges(ofFile(clients), next);
    if (changes === undefined && !isRequested) return;
    clients.replaceFile(next);
    metrics.clientsReloads.inc({ result: 'loaded' });
    log.info(changes ?? {}, 'clients file reloaded');
    warnAboutReplaced(deps);
  };
  return {
    poll: () => {
      const version = versionOf(file);
      const isStable = version === seen;
      seen = version;
      if (version !== handled && isStable) apply(false);
    },
    reload: () => {
      apply(true);
    },
  };
}

/** Logs the clients of the database that a client of the file replaces. */
export function warnAboutReplaced({
  clients,
  storedClients,
  log,
}: Pick<Deps, 'clients' | 'storedClients' | 'log'>): void {
  const clientIds = idsOf(ofFile(clients).clients).filter((id) => storedClients.find(id) !== undefined);
  if (clientIds.length > 0) log.warn({ clientIds }, 'clients of the file replace clients of the console');
}

/** Returns a text that differs after each change of the file, also if another file replaces it or the target of a link. */
function versionOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return String(error);
  }
}

function ofFile(clients: Pick<ClientRegistry, 'list' | 'listResources'>): ClientsFile {
  return {
    clients: clients.list().filter(({ client_id: id }) => id !== ACCOUNT_CLIENT_ID),
    resourceServers: clients.listResources(),
  };
}

/** Returns the ids of the clients that differ; `undefined` if clients and APIs are the same. */
function findChanges(
  before: ClientsFile,
  after: ClientsFile,
): Record<'added' | 'changed' | 'removed', string[]> | undefined {
  if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
  const known = new Map(before.clients.map((client) => [client.client_id, JSON.stringify(client)]));
  const remaining = new Set(idsOf(after.clients));
  return {
    added: idsOf(after.clients.filter(({ client_id: id }) => !known.has(id))),
    changed: idsOf(
      after.clients.filter((client) => {
        const text = known.get(client.client_id);
        return text !== undefined && text !== JSON.stringify(client);
      }),
    ),
    removed: [...known.keys()].filter((id) => !remaining.has(id)),
  };
}

function idsOf(clients: ClientsFile['clients']): string[] {
  return clients.map(({ client_id: id }) => id);
}
