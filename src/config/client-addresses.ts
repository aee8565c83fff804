import type { ClientRegistration } from './clients.ts';
import type { ResourceServer } from './resource-servers.ts';
import { isSpecialUseHost } from './special-use-addresses.ts';

/** Rules for addresses, which depend on the settings. */
export interface AddressRules {
  isProduction: boolean;
  /** True if this service may call addresses of its own network, as in development. */
  acceptsPrivateAddresses: boolean;
}

/** The addresses that this service calls. */
const FETCHED_URIS = ['jwks_uri', 'backchannel_logout_uri'] as const;
/** The addresses that this service calls, or sends people to, for every type of client. */
const SERVICE_URIS = [...FETCHED_URIS, 'initiate_login_uri'] as const;
/** A native app may redirect to a loopback address or a private-use scheme. */
const WEB_URIS = ['redirect_uris', 'post_logout_redirect_uris'] as const;

/**
 * Lists the URIs of a client that must use https and do not. Over http, another host could replace the keys of a client. An origin may also
 * have the own scheme of an app.
 */
export function insecureUrisOf(client: ClientRegistration): { field: keyof ClientRegistration; uri: string }[] {
  const fields = client.application_type === 'web' ? [...WEB_URIS, ...SERVICE_URIS] : SERVICE_URIS;
  const insecure = fields.flatMap((field) =>
    [client[field] ?? []]
      .flat()
      .filter((uri) => !uri.startsWith('https:'))
      .map((uri) => ({ field, uri })),
  );
  const origins = client.allowed_origins.filter((uri) => uri.startsWith('http:'));
  return [...insecure, ...origins.map((uri) => ({ field: 'allowed_origins' as const, uri }))];
}

/** Lists the URIs that this service calls and whose host is a private address. The provider's fetch refuses them too. */
export function privateUrisOf(client: ClientRegistration): { field: keyof ClientRegistration; uri: string }[] {
  return FETCHED_URIS.flatMap((field) => {
    const uri = client[field];
    return uri !== undefined && isSpecialUseHost(new URL(uri).hostname) ? [{ field, uri }] : [];
  });
}

/** Lists the APIs of a client that the clients file does not define. */
export function unknownResourcesOf(
  client: ClientRegistration,
  servers: readonly ResourceServer[],
): { field: keyof ClientRegistration; uri: string }[] {
  const known = new Set(servers.map(({ identifier }) => identifier));
  return (['resources', 'introspects'] as const).flatMap((field) =>
    [client[field] ?? []]
      .flat()
      .filter((uri) => !known.has(uri))
      .map((uri) => ({ field, uri })),
  );
}
