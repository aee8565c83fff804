import { interactionPolicy } from 'oidc-provider';
import { ACCOUNT_CLIENT_ID } from '../../../services/access/client-registry.ts';
import type { ContextResolver } from '../../contexts/context-selection.ts';
import type { OidcDeps } from '../../deps.ts';
import { isAskedAdult } from '../asked-adult.ts';

/**
 * Asks an adult student who signs in if the guardians may see the data, once in a session. A request in an existing session is not
 * interrupted, and staff are not asked. The account pages have their own notice.
 */
export function consentUndecided(
  { adulthood }: Pick<OidcDeps, 'adulthood'>,
  contextResolver: Pick<ContextResolver, 'loadFacts'>,
): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'consent_undecided',
    'the adult student has not decided about the guardians',
    'interaction_required',
    async (ctx) => {
      const { session, client, result } = ctx.oidc;
      if (session?.accountId === undefined || result?.login === undefined) return false;
      if (client?.clientId === ACCOUNT_CLIENT_ID || isAskedAdult(session)) return false;
      const facts = await contextResolver.loadFacts(ctx, session.accountId);
      if (facts === undefined || facts.isSchoolAccount || facts.memberships.length > 0) return false;
      const guardians = await adulthood.listGuardians(session.accountId);
      return guardians?.some(({ isUndecided }) => isUndecided) === true;
    },
  );
}
