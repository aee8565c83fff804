import type { KoaContextWithOIDC } from 'oidc-provider';
import { apiScope, grantedScopes } from '../../domain/claims/scopes.ts';
import type { Registration } from '../../domain/model.ts';

/** What an authorization request gives to its app, as grants and consents store it: scopes of the service and of the named APIs. */
export function requestedScopes({ oidc }: KoaContextWithOIDC, registration: Registration): string[] {
  const requested = [...oidc.requestParamScopes];
  const ofApis = Object.entries(oidc.resourceServers ?? {}).flatMap(([identifier, { scopes }]) =>
    requested.filter((scope) => scopes.has(scope)).map((scope) => apiScope(identifier, scope)),
  );
  return [...grantedScopes(requested, registration), ...ofApis];
}
