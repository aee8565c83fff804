import { interactionPolicy } from 'oidc-provider';
import { requestedScopes } from '../../contexts/requested-scopes.ts';
import type { OidcDeps } from '../../deps.ts';
import { isFirstParty } from '../first-party.ts';

/**
 * Requires consent to the requested scopes. First-party apps need none. The consent is stored, and stays valid until the person removes the
 * app.
 */
export function consentMissing(deps: Pick<OidcDeps, 'clients' | 'consents'>): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'consent_missing',
    'the person has not consented to all scopes',
    'consent_required',
    async (ctx) => {
      const personId = ctx.oidc.session?.accountId;
      const clientId = ctx.oidc.client?.clientId;
      if (isFirstParty(deps, ctx) || personId === undefined || clientId === undefined) return false;
      const scopes = requestedScopes(ctx, deps.clients.entitlementsOf(clientId));
      return !(await deps.consents.hasConsent(personId, clientId, scopes));
    },
  );
}
