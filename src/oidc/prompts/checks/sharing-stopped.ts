import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { ACCOUNT_CLIENT_ID } from '../../../services/access/client-registry.ts';
import type { ContextResolver } from '../../contexts/context-selection.ts';

/** Stops people who had the sharing of their data stopped (Personal Data Protection Act, Article 11), except at their own account. */
export function sharingStopped(contextResolver: ContextResolver): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'sharing_stopped',
    'the person had the sharing of data with relying parties stopped',
    'access_denied',
    async (ctx: KoaContextWithOIDC) => {
      const { session, client } = ctx.oidc;
      if (session?.accountId === undefined || client?.clientId === ACCOUNT_CLIENT_ID) return false;
      return (await contextResolver.loadFacts(ctx, session.accountId))?.isSharingStopped === true;
    },
  );
}
