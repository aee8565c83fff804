import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { OidcDeps } from '../../deps.ts';
import type { ContextResolver } from '../../contexts/context-selection.ts';

/** Stops school accounts at clients that are not registered for them. Many people may know such an account (docs/glossary.md). */
export function schoolAccountRefused(
  { clients }: Pick<OidcDeps, 'clients'>,
  contextResolver: ContextResolver,
): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'school_account_refused',
    'the client accepts no school accounts',
    'access_denied',
    async (ctx: KoaContextWithOIDC) => {
      const { session, client } = ctx.oidc;
      if (session?.accountId === undefined) return false;
      if (clients.find(client?.clientId ?? '')?.school_accounts === true) return false;
      return (await contextResolver.loadFacts(ctx, session.accountId))?.isSchoolAccount === true;
    },
  );
}
