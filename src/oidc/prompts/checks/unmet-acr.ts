import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { requestedAcrOf } from '../requested-assurance.ts';

/** Rejects requests for an essential `acr` that no sign-in can reach (OpenID Connect Core 1.0, section 5.5.1.1). */
export function unmetAcr(): interactionPolicy.Check {
  return new interactionPolicy.Check('unmet_acr', 'the requested acr is not available', assertAcrSupported);
}

/** @throws {errors.UnmetAuthenticationRequirements} */
function assertAcrSupported(ctx: KoaContextWithOIDC): boolean {
  const { isEssential, named, known } = requestedAcrOf(ctx);
  if (isEssential && named.length > 0 && known.length === 0) {
    throw new errors.UnmetAuthenticationRequirements('the requested acr is not available');
  }
  return false;
}
