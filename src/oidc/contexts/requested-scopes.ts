import type { KoaContextWithOIDC } from 'oidc-provider';
import { apiScope, allowedScopes } from '../../domain/claims/scopes.ts';
import type { ClientEntitlements } from '../../domain/model.ts';

/** Returns the allowed scopes of the service and of the requested APIs, as grants and consents store them. */
export function requestedScopes({ oidc }: KoaContextWithOIDC, entitlements: ClientEntitlements): string[] {
  const requested = [...oidc.requestParamScopes];
  const ofApis = Object.entries(oidc.resourceServers ?? {}).flatMap(([identifier, { scopes }]) =>
    requested.filter((scope) => scopes.has(scope)).map((scope) => apiScope(identifier, scope)),
  );
  return [...allowedScopes(requested, entitlements), ...ofApis];
}
