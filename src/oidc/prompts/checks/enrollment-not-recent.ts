import { interactionPolicy } from 'oidc-provider';
import { RECENT_SIGN_IN_SECONDS } from '../../../domain/sessions.ts';
import type { OidcDeps } from '../../deps.ts';
import { ACR_TWO_FACTORS } from '../../options/claims.ts';
import { assuranceOf } from '../../session-assurance.ts';
import { secondFactorNeed } from '../requested-assurance.ts';

/** Requires a recent sign-in before the enrollment of a first second factor: the holder of a copied session cookie cannot enroll one. */
export function enrollmentNotRecent({
  secondFactors,
  requiresSecondFactor,
}: Pick<OidcDeps, 'secondFactors' | 'requiresSecondFactor'>): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'enrollment_not_recent',
    'the enrollment of a second factor requires a recent sign-in',
    'login_required',
    async (ctx) => {
      const { session, result } = ctx.oidc;
      if (session?.accountId === undefined || result?.login !== undefined) return false;
      if (assuranceOf(session).acr === ACR_TWO_FACTORS || !session.past(RECENT_SIGN_IN_SECONDS)) return false;
      const isRequired = secondFactorNeed(ctx) === 'required' || (await requiresSecondFactor(session.accountId));
      return isRequired && !(await secondFactors.has(session.accountId));
    },
  );
}
