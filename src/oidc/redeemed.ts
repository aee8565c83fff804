import Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { GrantRow } from '../store/grants.ts';

const redeemed = new WeakMap<object, GrantRow>();

/**
 * Of ten parallel redemptions of one code the first gets tokens, and the other nine end its grant, perhaps before its answer is
 * made. So the first keeps the grant as it was in the moment of winning, for its own request only: it is answered, and its
 * tokens are dead when they arrive.
 */
export function rememberRedeemed(grant: GrantRow): void {
  const request = Provider.ctx?.req;
  if (request !== undefined) redeemed.set(request, grant);
}

/** The grant that this request has just redeemed. */
export function redeemedGrant(ctx: KoaContextWithOIDC, grantHash: string): GrantRow | undefined {
  const grant = redeemed.get(ctx.req);
  return grant?.grantHash === grantHash ? grant : undefined;
}
