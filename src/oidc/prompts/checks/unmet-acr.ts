import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { ACR_PASSWORD } from '../../options/claims.ts';

const requestedAcr = z.object({
  essential: z.literal(true),
  value: z.string().optional(),
  values: z.array(z.string()).optional(),
});

/** Rejects requests for an essential `acr` that no sign-in can reach (OpenID Connect Core 1.0, section 5.5.1.1). */
export function unmetAcr(): interactionPolicy.Check {
  return new interactionPolicy.Check('unmet_acr', 'the requested acr is not available', assertAcrSupported);
}

/** @throws {errors.UnmetAuthenticationRequirements} */
function assertAcrSupported({ oidc }: KoaContextWithOIDC): boolean {
  const requested = requestedAcr.safeParse(oidc.claims.id_token?.['acr']);
  if (!requested.success) return false;
  const { value, values = value === undefined ? [] : [value] } = requested.data;
  if (values.length > 0 && !values.includes(ACR_PASSWORD)) {
    throw new errors.UnmetAuthenticationRequirements('the requested acr is not available');
  }
  return false;
}
