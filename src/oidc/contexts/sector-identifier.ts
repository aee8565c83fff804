import { sectorOfUri } from '../../domain/claims/pairwise.ts';
import type { Provider } from '../deps.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

/**
 * Returns the sector of a client: the host of `sector_identifier_uri`, else of the redirect URI (OpenID Connect Core 1.0, section 8.1).
 * Clients of one sector get the same `sub` for a person; other clients cannot link it.
 *
 * @throws {TypeError} if the client has neither; registration requires a redirect URI
 */
export function sectorIdentifierOf(client: Pick<Client, 'sectorIdentifierUri' | 'redirectUris'>): string {
  const uri = client.sectorIdentifierUri ?? client.redirectUris?.[0];
  if (uri === undefined) throw new TypeError('a client needs a redirect URI');
  return sectorOfUri(uri);
}
