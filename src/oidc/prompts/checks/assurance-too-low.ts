import { interactionPolicy } from 'oidc-provider';
import type { OidcDeps } from '../../deps.ts';
import { assuranceOf } from '../../session-assurance.ts';
import { ACR_TWO_FACTORS } from '../../options/claims.ts';
import type { PendingCheck } from '../index.ts';
import { secondFactorNeed } from '../requested-assurance.ts';

/**
 * Requires a second factor in a session that has none, for a request of the higher `acr` (step-up) or of a person
 * who needs one by the policy of the bureau. The password is not asked again. With
 * `prompt=none` only a required level fails, because `acr_values` is voluntary.
 *
 * @param isSignInPending the login prompt comes first: the person may change there
 */
export function assuranceTooLow(
  { secondFactors, requiresSecondFactor }: Pick<OidcDeps, 'secondFactors' | 'requiresSecondFactor'>,
  isSignInPending: PendingCheck,
): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'assurance_too_low',
    'a second factor is required',
    'login_required',
    async (ctx) => {
      const { session, prompts } = ctx.oidc;
      if (session?.accountId === undefined || assuranceOf(session).acr === ACR_TWO_FACTORS) return false;
      const need = (await requiresSecondFactor(session.accountId)) ? 'required' : secondFactorNeed(ctx);
      if (need === 'none') return false;
      if (await isSignInPending(ctx)) return false;
      return need === 'required' || (!prompts.has('none') && secondFactors.has(session.accountId));
    },
  );
}
