import type { ClientRegistration } from '../../config/clients.ts';
import type { ClientRegistry } from '../access/client-registry.ts';
import type { StoredClients } from '../access/stored-clients.ts';

interface Deps {
  clients: Pick<ClientRegistry, 'refresh' | 'list'>;
  storedClients: Pick<StoredClients, 'list'>;
}

/**
 * Lists the clients with access to the directory that meet a condition, each once and with its current registration. A client of the file
 * with the id of a stored one applies in its place, so the condition is checked again.
 */
export async function listRegisteredClients(
  { clients, storedClients }: Deps,
  isWanted: (client: ClientRegistration) => boolean = () => true,
): Promise<ClientRegistration[]> {
  const isListed = (client: ClientRegistration): boolean => client.ldap !== undefined && isWanted(client);
  const ids = [...clients.list(), ...storedClients.list()].filter(isListed).map(({ client_id: id }) => id);
  const current = await Promise.all([...new Set(ids)].map((id) => clients.refresh(id)));
  return current.filter((client) => client !== undefined).filter(isListed);
}
