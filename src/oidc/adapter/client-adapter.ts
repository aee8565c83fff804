import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { isDirectoryOnly } from '../../config/client-directory.ts';
import type { OidcDeps } from '../deps.ts';
import { toMetadata } from '../options/clients.ts';
import { createRequestMemo } from '../request-memo.ts';
import { createAdapter } from './adapter.ts';

/**
 * Creates the storage of clients. The provider asks it for each client, so a removed or disabled client is unknown to the next request at
 * every endpoint, like a client that only uses the directory. A client of the database costs one row by its key per request.
 */
export function createClientAdapter(deps: OidcDeps): Adapter {
  const metadataOfRequest = createRequestMemo<AdapterPayload | undefined>();
  const load = async (clientId: string): Promise<AdapterPayload | undefined> => {
    const client = await deps.clients.refresh(clientId);
    if (client === undefined || isDirectoryOnly(client)) return undefined;
    const metadata = toMetadata(client);
    return { ...(deps.customizeMetadata?.(metadata) ?? metadata) };
  };
  return {
    ...createAdapter('Client', deps),
    find: (clientId) => metadataOfRequest(Provider.ctx?.req, clientId, () => load(clientId)),
  };
}
