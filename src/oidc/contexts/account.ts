import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import { availableContexts, isStillAvailable } from '../../domain/acting/contexts.ts';
import { buildClaims } from '../../domain/claims/claims.ts';
import { contextId, pairwiseSub } from '../../domain/claims/pairwise.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, PersonFacts } from '../../domain/model.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { hasOfflineAccess } from '../../services/access/revocation.ts';
import * as grants from '../../store/oidc/grants.ts';
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
 * The person behind a session or a token, read anew each time. Nobody is found when the person is disabled, when the grant of
 * the token is gone or its session ended, or when the identity that the grant was given for has ended: then refresh, UserInfo
 * and introspection refuse by themselves (docs/claims.md, rules 8 and 9).
 */
export function createFindAccount(deps: OidcDeps, contextResolver: ContextResolver): FindAccount {
  const { store, clock, clients } = deps;
  return async (ctx, personId, token) => {
    const facts = await contextResolver.loadFacts(ctx, personId);
    if (facts?.active !== true) return undefined;
    const { grantId } = token ?? {};
    if (grantId === undefined) return account(deps, ctx, facts, undefined);
    const standing = await loadGrantWithSession(store, hashId(grantId));
    if (standing?.grant.personId !== personId || !isGrantSupported(standing, clock.now())) return undefined;
    const { grant } = standing;
    const granted = grants.grantedContext(grant);
    if (granted !== undefined) {
      const contexts = availableContexts(facts, clients.entitlementsOf(grant.clientId), localDate(clock.now()));
      if (!isStillAvailable(contexts, granted)) return undefined;
    }
    return account(deps, ctx, facts, granted);
  };
}

/**
 * Whether what a grant gave still stands on something: on the session that it came from, or on `offline_access`. The provider has a
 * check of its own, and it is switched off: it knows one grant for each app, so a second tab would end the first.
 */
function isGrantSupported({ grant, session }: grants.GrantWithSession, now: number): boolean {
  if (hasOfflineAccess(grant)) return true;
  // The row and not the provider's record: that one is gone for a moment while a session gets a new id in another tab.
  return session?.endedAt === null && session.expiresAt > now;
}

function account(
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
      if (client === undefined) throw new Error('claims are made for a client');
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
      // The provider makes the pairwise value itself, from the internal id.
      return { ...released, sub: facts.id };
    },
  };
}
