import type { KoaContextWithOIDC } from 'oidc-provider';
import { apiScope, allowedScopes } from '../../domain/claims/scopes.ts';
import type { ClientEntitlements } from '../../domain/model.ts';

/** What an authorization request gives to its app, as grants and consents store it: scopes of the service and of the named APIs. */
export function requestedScopes({ oidc }: KoaContextWithOIDC, entitlements: ClientEntitlements): string[] {
  const requested = [...oidc.requestParamScopes];
  const ofApis = Object.entries(oidc.resourceServers ?? {}).flatMap(([identifier, { scopes }]) =>
    requested.filter((scope) => scopes.has(scope)).map((scope) => apiScope(identifier, scope)),
  );
  return [...allowedScopes(requested, entitlements), ...ofApis];
}
