import { decodeJwt } from 'jose';
import { errors, type Configuration } from 'oidc-provider';
import type { RequestCheck } from '../request-limits.ts';
import { isTooFarAhead, MAX_AHEAD_SECONDS } from '../../domain/proof-times.ts';

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>;

/**
 * Creates the options of DPoP (RFC 9449). The provider accepts proofs up to 300 seconds ahead; this check limits them to 60 seconds (FAPI
 * 2.0 Security Profile, section 5.3.2.1). The provider has no option for that. It calls `requireNonce` at each endpoint before it verifies a
 * proof, and handles an error of it like its own.
 *
 * @param now ms
 * @param checkPushed runs before a proof of a pushed authorization request is stored
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

/** Returns `iat` of an unverified proof; undefined if it has none, which the provider rejects. */
function readIat(proof: string): number | undefined {
  try {
    const { iat } = decodeJwt(proof);
    return typeof iat === 'number' ? iat : undefined;
  } catch {
    return undefined;
  }
}
