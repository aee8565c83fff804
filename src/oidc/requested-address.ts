import { decodeJwt } from 'jose';
import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';

/*
 * The router of the provider ignores case and a slash at the end of a path, so each endpoint has several addresses. Clients name the address
 * that they call in proofs and assertions. The provider itself accepts only the one in discovery.
 */

interface OidcContext {
  readonly ctx: KoaContextWithOIDC;
  readonly route: string;
}

type UrlFor = (this: OidcContext, name: string, options?: object) => string;
const urlForMethod = z.custom<UrlFor>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method OIDCContext.urlFor',
);
const audienceMethod = z.custom<(this: OidcContext) => Set<string>>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method OIDCContext.clientJwtAuthExpectedAudience',
);

/**
 * Accepts the address of the request as its client spelled it, next to the one in discovery: as `htu` of DPoP proofs (RFC 9449, section
 * 4.3), and as `aud` of client assertions (RFC 7523, section 3). FAPI 2.0 clients must still name the issuer.
 */
export function acceptRequestedAddress(provider: Provider): void {
  const prototype: object = provider.OIDCContext.prototype;
  const urlFor = urlForMethod.parse(Reflect.get(prototype, 'urlFor'));
  const listAudiences = audienceMethod.parse(Reflect.get(prototype, 'clientJwtAuthExpectedAudience'));
  const requestedAddress = (oidc: OidcContext): string => {
    const address = new URL(urlFor.call(oidc, oidc.route));
    address.pathname = oidc.ctx.path;
    return address.href;
  };
  Reflect.set(prototype, 'urlFor', function find(this: OidcContext, name: string, options?: object) {
    const proven = name === this.route ? readHtu(this.ctx.get('DPoP')) : undefined;
    if (proven !== undefined && proven === requestedAddress(this)) return proven;
    return urlFor.call(this, name, options);
  });
  Reflect.set(prototype, 'clientJwtAuthExpectedAudience', function list(this: OidcContext) {
    return listAudiences.call(this).add(requestedAddress(this));
  });
}

/** Returns `htu` of an unverified proof without query and fragment; undefined if it has none, which the provider rejects. */
function readHtu(proof: string): string | undefined {
  if (proof === '') return undefined;
  try {
    const { htu } = decodeJwt(proof);
    const url = typeof htu === 'string' ? URL.parse(htu) : null;
    if (url === null) return undefined;
    url.search = '';
    url.hash = '';
    return url.href;
  } catch {
    return undefined;
  }
}
