import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { ClientRegistration } from '../../config/clients.ts';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import { invalidAssertion } from './client-auth.ts';

/** FAPI 2.0 Security Profile, section 5.4.1, rule 1. */
const FAPI_ALGORITHMS: readonly unknown[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];

/**
 * A client that signs, pushes its requests and binds its tokens is a FAPI 2.0 client, and is held to the rest of that profile
 * too. Nobody has to remember one more switch.
 */
export function isFapi(client: ClientRegistration | undefined): boolean {
  return (
    client?.token_endpoint_auth_method === 'private_key_jwt' &&
    client.require_pushed_authorization_requests &&
    client.dpop_bound_access_tokens
  );
}

/**
 * For FAPI 2.0 clients: assertions name the issuer alone as audience and are never signed with RS256 (section 5.3.2.1, rule 6, and
 * 5.4.1), PKCE has no exception, and refresh tokens are bound by DPoP instead of rotated (section 5.3.2.1, rule 9).
 */
export function enforceFapi(configuration: Configuration, clients: ClientRegistry): Configuration {
  const granted = (clientId: string | undefined): boolean => clientId !== undefined && isFapi(clients.find(clientId));
  const { assertJwtClientAuthClaimsAndHeader: checkAssertion, pkce } = configuration;
  return {
    ...configuration,
    features: {
      ...configuration.features,
      fapi: {
        enabled: true,
        // Errors before the client is known ask too.
        profile: (_ctx, client: { clientId: string } | undefined) => (granted(client?.clientId) ? '2.0' : undefined),
      },
    },
    pkce: { required: (ctx, client) => granted(client.clientId) || pkce?.required?.(ctx, client) !== false },
    rotateRefreshToken: ({ oidc }) => !granted(oidc.client?.clientId),
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header, client) => {
      if (granted(client.clientId)) assertFapi(ctx, claims, header);
      await checkAssertion?.(ctx, claims, header, client);
    },
  };
}

type Part = Readonly<Record<string, unknown>>;

function assertFapi({ oidc }: KoaContextWithOIDC, claims: Part, header: Part): void {
  if (claims['aud'] !== oidc.issuer) throw invalidAssertion('client_assertion aud must be the issuer, as a string');
  if (!FAPI_ALGORITHMS.includes(header['alg'])) throw invalidAssertion('client_assertion alg must be one of FAPI 2.0');
}
