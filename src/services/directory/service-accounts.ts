import { localDate, type Clock } from '../../domain/clock.ts';
import { isShownInDirectory } from '../../domain/directory/visibility.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store } from '../../store/database/index.ts';
import { toEntitlements, type ClientRegistry } from '../access/client-registry.ts';
import type { StoredClients } from '../access/stored-clients.ts';
import { findFacts } from '../people/people.ts';
import { listRegisteredClients } from './registered-clients.ts';

/** Lists the ids of the clients with a service account that sees a person. Empty while the directory is off. */
export type ListServiceAccounts = (personId: string) => Promise<string[]>;

interface Deps {
  isDirectoryOn: boolean;
  store: Store;
  clock: Clock;
  secrets: Secrets;
  log: Logger;
  clients: Pick<ClientRegistry, 'refresh' | 'list'>;
  storedClients: Pick<StoredClients, 'list'>;
}

export function createListServiceAccounts(deps: Deps): ListServiceAccounts {
  const { clock } = deps;
  return async (personId) => {
    const facts = deps.isDirectoryOn ? await findFacts(deps, personId) : undefined;
    if (facts === undefined) return [];
    const today = localDate(clock.now());
    const registered = await listRegisteredClients(deps);
    return registered
      .filter((client) => isShownInDirectory(facts, toEntitlements(client), today))
      .map(({ client_id: id }) => id);
  };
}
