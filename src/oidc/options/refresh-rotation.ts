import type { KoaContextWithOIDC } from 'oidc-provider';

/**
 * Returns true if a refresh token rotates: that of a public client without DPoP. A copy of any other is useless without the client
 * authentication or the key, so parallel refreshes of an app may all succeed (RFC 9700, sections 2.2.2 and 4.14.2).
 */
export function rotateRefreshToken({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.client?.clientAuthMethod === 'none' && oidc.entities.RefreshToken?.jkt === undefined;
}
