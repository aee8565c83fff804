import type { Provider } from '../deps.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

/**
 * The sector of a client: clients of one sector see the same `sub` for a person, others can not link them.
 * The host of `sector_identifier_uri`, otherwise of the redirect URI (OpenID Connect Core 1.0, section 8.1).
 *
 * @throws {TypeError} when a client has neither; registration makes sure that it has
 */
export function sectorIdentifierOf(client: Pick<Client, 'sectorIdentifierUri' | 'redirectUris'>): string {
  const uri = client.sectorIdentifierUri ?? client.redirectUris?.[0];
  if (uri === undefined) throw new TypeError('a client needs a redirect URI');
  const { host, hostname, protocol } = new URL(uri);
  // Private-use schemes of native apps (RFC 8252 7.1) have no host: the scheme names the app.
  return hostname || host || protocol.replace(/:$/, '');
}
