import { errors, type Configuration } from 'oidc-provider';
import { requiresPkce } from '../../config/clients.ts';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import { isFapi } from './fapi.ts';

/**
 * Requires protection against injected codes (RFC 9700, section 2.1.1):
 *
 * - PKCE from public clients, from clients that are registered so, and from FAPI 2.0 clients (section 5.3.2.2, rule 5);
 * - PKCE or a `nonce` from all others.
 *
 * The provider itself accepts only S256, and rejects a `code_verifier` for a code without a `code_challenge` (section 4.8.2).
 *
 * @throws {errors.InvalidRequest} if the request has neither
 */
export function createPkce(clients: Pick<ClientRegistry, 'find'>): NonNullable<Configuration['pkce']> {
  return {
    required: ({ oidc }, { clientId }) => {
      const client = clients.find(clientId);
      if (client === undefined || requiresPkce(client) || isFapi(client)) {
        throw new errors.InvalidRequest('code_challenge is required for this client, with code_challenge_method=S256');
      }
      if (oidc.params?.['nonce'] === undefined) {
        throw new errors.InvalidRequest('code_challenge, with code_challenge_method=S256, or nonce is required');
      }
      return false;
    },
  };
}
