import { errors, type Configuration } from 'oidc-provider';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import type { FindAccount } from '../contexts/account.ts';

type Features = NonNullable<Configuration['features']>;
type AllowedPolicy = NonNullable<NonNullable<Features['introspection']>['allowedPolicy']>;

/** Creates the options of access tokens for APIs (RFC 8707) and of introspection (RFC 7662). */
export function createResourceFeatures(
  clients: ClientRegistry,
  findAccount: FindAccount,
): {
  resourceIndicators: NonNullable<Features['resourceIndicators']>;
  introspection: { enabled: true; allowedPolicy: AllowedPolicy };
} {
  return {
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, identifier, client) => {
        const server = clients.findResource(client.clientId, identifier);
        if (server === undefined) throw new errors.InvalidTarget();
        return {
          scope: Object.keys(server.scopes).join(' '),
          audience: server.identifier,
          accessTokenTTL: server.access_token_minutes * 60,
          accessTokenFormat: server.access_token_format,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
      // Without `resource` the token is for UserInfo only.
      defaultResource: () => undefined,
      useGrantedResource: () => false,
    },
    introspection: {
      enabled: true,
      // Only the audience of an access token may introspect it; refresh tokens are never introspected. The provider does not check the
      // account here, so tokens of disabled people would stay active.
      allowedPolicy: async (ctx, client, token) => {
        const own = clients.find(client.clientId)?.introspects;
        if (own === undefined || token.kind !== 'AccessToken' || token.aud !== own) return false;
        // Tokens of a disabled client are inactive.
        if (token.clientId === undefined || (await clients.refresh(token.clientId)) === undefined) return false;
        return (await findAccount(ctx, token.accountId, token)) !== undefined;
      },
    },
  };
}

/** Adds the selected context, with current data, to tokens for an API (docs/claims.md, rule 3). */
export function createTokenClaims(findAccount: FindAccount): NonNullable<Configuration['extraTokenClaims']> {
  return async (ctx, token) => {
    if (token.kind !== 'AccessToken' || token.aud === undefined || ctx.oidc.client === undefined) return undefined;
    const account = await findAccount(ctx, token.accountId, token);
    const claims = await account?.claims('access_token', 'openid children', {}, []);
    const acting = claims?.['acting'];
    return acting === undefined ? undefined : { acting };
  };
}
