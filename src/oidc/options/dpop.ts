import { decodeJwt } from 'jose';
import { errors, type Configuration } from 'oidc-provider';
import type { RequestCheck } from '../request-limits.ts';
import { isTooFarAhead, MAX_AHEAD_SECONDS } from '../../domain/proof-times.ts';

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>;

/**
 * Tokens bound to a key (RFC 9449). The provider accepts proofs from 300 seconds ago to 300 seconds ahead. Here the future ends at 60
 * seconds (FAPI 2.0 Security Profile, section 5.3.2.1). The provider has no option for that; it calls `requireNonce` before it verifies a
 * proof, at each endpoint that takes one, and an error thrown there is answered like its own.
 *
 * @param now ms
 * @param checkPushed is called before a proof at the pushed authorization request endpoint is remembered: that stores a row
 */
export function createDPoP(now: () => number, checkPushed: RequestCheck): DPoP {
  return {
    enabled: true,
    requireNonce: (ctx) => {
      const iat = readIat(ctx.get('DPoP'));
      if (iat !== undefined && isTooFarAhead(iat, now())) {
        throw new errors.InvalidDpopProof(`DPoP proof iat must be at most ${String(MAX_AHEAD_SECONDS)} seconds ahead`);
      }
      if (ctx.oidc.route === 'pushed_authorization_request') checkPushed(ctx);
      return false;
    },
  };
}

/** Returns `iat` of a proof that is not verified yet; undefined where there is none, and the provider will say so. */
function readIat(proof: string): number | undefined {
  try {
    const { iat } = decodeJwt(proof);
    return typeof iat === 'number' ? iat : undefined;
  } catch {
    return undefined;
  }
}
