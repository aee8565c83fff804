import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import { availableContexts, isStillAvailable } from '../../domain/acting/contexts.ts';
import { buildClaims } from '../../domain/claims/claims.ts';
import { contextId, pairwiseSub } from '../../domain/claims/pairwise.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, PersonFacts } from '../../domain/model.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import { grantedContext, isGrantActive } from '../../services/access/grants.ts';
import { loadGrantWithSession } from '../adapter/grant-lookup.ts';
import type { OidcDeps } from '../deps.ts';
import type { ContextResolver } from './context-selection.ts';
import { sectorIdentifierOf } from './sector-identifier.ts';

export type FindAccount = (
  ctx: KoaContextWithOIDC,
  personId: string,
  token?: { grantId?: string | undefined },
) => Promise<Account | undefined>;

type GrantedContext = Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>;

/**
 * Finds the person of a session or a token, with current data. The result is undefined in these cases, so refresh, UserInfo and
 * introspection refuse (docs/claims.md, rules 8 and 9):
 *
 * - The account is disabled.
 * - The person had the sharing of data stopped.
 * - The account is a school account, and the client accepts none.
 * - The grant of the token is revoked, or its session ended. The provider's own check (`expiresWithSession`) is switched off: it knows
 *   one grant for each app, so a second tab would revoke the first.
 * - The context that the grant was issued for is no longer available.
 */
export function createFindAccount(deps: OidcDeps, contextResolver: ContextResolver): FindAccount {
  const { store, clock } = deps;
  return async (ctx, personId, token) => {
    const facts = await contextResolver.loadFacts(ctx, personId);
    if (facts?.isActive !== true) return undefined;
    const { grantId } = token ?? {};
    if (grantId === undefined) return createAccount(deps, ctx, facts, undefined);
    const found = await loadGrantWithSession(store, hashId(grantId));
    if (found?.grant.personId !== personId || !isGrantActive(found, clock.now())) return undefined;
    const { grant } = found;
    const granted = grantedContext(grant);
    if (!isServed(deps, facts, grant.clientId, granted)) return undefined;
    return createAccount(deps, ctx, facts, granted);
  };
}

/** Returns true if the client still accepts this account, and the context of the grant is still available. */
function isServed(
  { clock, clients }: OidcDeps,
  facts: PersonFacts,
  clientId: string,
  granted: GrantedContext | undefined,
): boolean {
  if (facts.isSharingStopped && clientId !== ACCOUNT_CLIENT_ID) return false;
  if (facts.isSchoolAccount && clients.find(clientId)?.school_accounts !== true) return false;
  if (granted === undefined) return true;
  const contexts = availableContexts(facts, clients.entitlementsOf(clientId), localDate(clock.now()));
  return isStillAvailable(contexts, granted);
}

function createAccount(
  deps: OidcDeps,
  ctx: KoaContextWithOIDC,
  facts: PersonFacts,
  granted: GrantedContext | undefined,
): Account {
  const { keys, clients, clock } = deps;
  return {
    accountId: facts.id,
    claims: (_use, scope) => {
      const client = ctx.oidc.client;
      if (client === undefined) throw new Error('claims need a client: the request has none');
      const sector = sectorIdentifierOf(client);
      const released = buildClaims({
        facts,
        entitlements: clients.entitlementsOf(client.clientId),
        scopes: scope.split(' '),
        granted,
        today: localDate(clock.now()),
        subOf: (personId) => pairwiseSub(keys.pairwiseKey, sector, personId),
        ctxId: (context) => contextId(keys.pairwiseKey, sector, facts.id, context),
      });
      // The provider derives the pairwise value from the internal id.
      return { ...released, sub: facts.id };
    },
  };
}
