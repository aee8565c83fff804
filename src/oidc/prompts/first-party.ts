import type { KoaContextWithOIDC } from 'oidc-provider';
import type { OidcDeps } from '../deps.ts';

/** Returns true if the app is one of the city. */
export function isFirstParty({ clients }: Pick<OidcDeps, 'clients'>, { oidc }: KoaContextWithOIDC): boolean {
  return clients.find(oidc.client?.clientId ?? '')?.first_party === true;
}
