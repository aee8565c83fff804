import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import { ACR_PASSWORD, ACR_TWO_FACTORS } from '../options/claims.ts';

const requestedAcr = z.object({
  essential: z.boolean().default(false),
  value: z.string().optional(),
  values: z.array(z.string()).optional(),
});

/** The levels that this service knows, in the order of preference of the request. */
interface RequestedAcr {
  isEssential: boolean;
  /** Empty if the request names no level. */
  named: readonly string[];
  known: readonly string[];
}

/** Reads the request for `acr` out of the `claims` parameter or `acr_values`, which is voluntary (OpenID Connect Core 1.0, section 5.5.1.1). */
export function requestedAcrOf({ oidc }: KoaContextWithOIDC): RequestedAcr {
  const { success, data } = requestedAcr.safeParse(oidc.claims.id_token?.['acr']);
  if (!success) return { isEssential: false, named: [], known: [] };
  const { essential: isEssential, value, values = value === undefined ? [] : [value] } = data;
  const known = values.filter((acr) => acr === ACR_PASSWORD || acr === ACR_TWO_FACTORS);
  return { isEssential, named: values, known };
}

/**
 * Returns how much the request needs a second factor. The pages of this service request it with `acr_values` and need it.
 *
 * - `required`: no other level is acceptable. A person without a second factor enrolls one.
 * - `preferred`: a person with a second factor is asked for it.
 */
export function secondFactorNeed(ctx: KoaContextWithOIDC): 'required' | 'preferred' | 'none' {
  const { isEssential, known } = requestedAcrOf(ctx);
  if (known[0] !== ACR_TWO_FACTORS) return 'none';
  const isOwnPage = ctx.oidc.client?.clientId === ACCOUNT_CLIENT_ID;
  return isOwnPage || (isEssential && !known.includes(ACR_PASSWORD)) ? 'required' : 'preferred';
}
