import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { ClientRegistration } from '../../config/clients.ts';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import { invalidAssertion } from './client-auth.ts';

/** FAPI 2.0 Security Profile, section 5.4.1, rule 1. */
const FAPI_ALGORITHMS: readonly unknown[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];

/**
 * Returns true for clients that sign, push their requests and bind their tokens. They must comply with the rest of FAPI 2.0 too, without
 * another setting.
 */
export function isFapi(client: ClientRegistration | undefined): boolean {
  return (
    client?.token_endpoint_auth_method === 'private_key_jwt' &&
    client.require_pushed_authorization_requests &&
    client.dpop_bound_access_tokens
  );
}

/**
 * Adds the rules of FAPI 2.0 for its clients:
 *
 * - The issuer is the only audience of assertions, and RS256 is rejected (section 5.3.2.1, rule 6, and section 5.4.1).
 */
export function enforceFapi(configuration: Configuration, clients: ClientRegistry): Configuration {
  const isFapiClient = (clientId: string | undefined): boolean =>
    clientId !== undefined && isFapi(clients.find(clientId));
  const { assertJwtClientAuthClaimsAndHeader: checkAssertion } = configuration;
  return {
    ...configuration,
    features: {
      ...configuration.features,
      fapi: {
        enabled: true,
        // Errors before client authentication have no client.
        profile: (_ctx, client: { clientId: string } | undefined) =>
          isFapiClient(client?.clientId) ? '2.0' : undefined,
      },
    },
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header, client) => {
      if (isFapiClient(client.clientId)) assertFapi(ctx, claims, header);
      await checkAssertion?.(ctx, claims, header, client);
    },
  };
}

type JwtPart = Readonly<Record<string, unknown>>;

function assertFapi({ oidc }: KoaContextWithOIDC, claims: JwtPart, header: JwtPart): void {
  if (claims['aud'] !== oidc.issuer) throw invalidAssertion('client_assertion aud must be the issuer, as a string');
  if (!FAPI_ALGORITHMS.includes(header['alg'])) throw invalidAssertion('client_assertion alg must be one of FAPI 2.0');
}
