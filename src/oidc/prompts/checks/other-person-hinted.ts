import { errors, interactionPolicy } from 'oidc-provider';
import { pairwiseSub } from '../../../domain/claims/pairwise.ts';
import { findHintedIdentity } from '../../contexts/id-token-hint.ts';
import { sectorIdentifierOf } from '../../contexts/sector-identifier.ts';
import type { OidcDeps } from '../../deps.ts';

/**
 * Requires a sign-in if `id_token_hint` names another person than the signed-in one. If the sign-in page was answered by another person
 * too, the app gets the error `login_required` (OpenID Connect Core 1.0, section 3.1.2.1). Replaces the check of the provider, which skips
 * requests that continue after a page.
 */
export function otherPersonHinted({ keys }: Pick<OidcDeps, 'keys'>): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'id_token_hint',
    'id_token_hint names another person',
    'login_required',
    async (ctx) => {
      const { session, client, result } = ctx.oidc;
      const hinted = await findHintedIdentity(ctx);
      if (hinted === undefined || client === undefined) return false;
      const personId = session?.accountId;
      if (personId === undefined) return true;
      if (hinted.sub === pairwiseSub(keys.pairwiseKey, sectorIdentifierOf(client), personId)) return false;
      if (result?.login !== undefined) throw new errors.LoginRequired('id_token_hint names another person');
      return true;
    },
  );
}
