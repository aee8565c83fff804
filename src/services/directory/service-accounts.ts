import type { ClientRegistration } from '../../config/clients.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { isShownInDirectory } from '../../domain/directory/visibility.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store } from '../../store/database/index.ts';
import { toEntitlements, type ClientRegistry } from '../access/client-registry.ts';
import { findFacts } from '../people/people.ts';

/** Lists the ids of the clients with a service account that sees a person. Empty while the directory is off. */
export type ListServiceAccounts = (personId: string) => Promise<string[]>;

interface Deps {
  isDirectoryOn: boolean;
  store: Store;
  clock: Clock;
  secrets: Secrets;
  log: Logger;
  clients: Pick<ClientRegistry, 'refresh' | 'list'>;
  storedClients: { list(): readonly ClientRegistration[] };
}

export function createListServiceAccounts(deps: Deps): ListServiceAccounts {
  const { clients, storedClients, clock } = deps;
  return async (personId) => {
    const facts = deps.isDirectoryOn ? await findFacts(deps, personId) : undefined;
    if (facts === undefined) return [];
    const today = localDate(clock.now());
    const known = [...clients.list(), ...storedClients.list()].filter(({ ldap }) => ldap !== undefined);
    const current = await Promise.all(known.map(({ client_id: id }) => clients.refresh(id)));
    const seeing = current.filter(
      (client) => client?.ldap !== undefined && isShownInDirectory(facts, toEntitlements(client), today),
    );
    return [...new Set(seeing.flatMap((client) => (client === undefined ? [] : [client.client_id])))];
  };
}
