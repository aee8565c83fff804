import type { KoaContextWithOIDC, Grant } from 'oidc-provider';
import { claimsForScopes, allowedScopes } from '../../domain/claims/scopes.ts';
import type { ActingContext } from '../../domain/model.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { storeGrant, type LastContext } from '../../services/access/grants.ts';
import { writeOrDefer } from '../adapter/request-transaction.ts';
import type { OidcDeps } from '../deps.ts';
import type { PendingCheck } from '../prompts/index.ts';
import type { ContextResolver, ContextSelection } from './context-selection.ts';
import { requestedScopes } from './requested-scopes.ts';

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients'>;

/**
 * A fresh grant for each sign-in, made when no prompt is left. It carries the chosen identity, so that two tabs keep their own
 * and a refresh keeps it (docs/claims.md, rule 8); a reused grant would mix scopes and choices of both.
 */
export function createGrantIssuer(
  deps: Deps,
  contextResolver: ContextResolver,
  pending: PendingCheck,
): (ctx: KoaContextWithOIDC) => Promise<Grant | undefined> {
  return async (ctx) => {
    if (await pending(ctx)) return undefined;
    return issue(deps, ctx, await contextResolver.resolve(ctx));
  };
}

async function issue(
  { store, clock, clients }: Deps,
  ctx: KoaContextWithOIDC,
  identity: ContextSelection,
): Promise<Grant> {
  const { provider, client, session } = ctx.oidc;
  const personId = session?.accountId;
  if (client === undefined || session === undefined || personId === undefined) {
    throw new Error('a grant needs a client and a signed-in person');
  }
  const entitlements = clients.entitlementsOf(client.clientId);
  const scopes = allowedScopes([...ctx.oidc.requestParamScopes], entitlements);
  const releasable: ReadonlySet<string> = claimsForScopes(scopes);
  const grant = new provider.Grant({ accountId: personId, clientId: client.clientId });
  grant.addOIDCScope(scopes.join(' '));
  grant.addOIDCClaims([...ctx.oidc.requestParamClaims].filter((claim) => releasable.has(claim)));
  addResources(ctx, grant);
  const grantId = await grant.save();
  const { selected } = identity;
  const stored = requestedScopes(ctx, entitlements);
  const row = {
    grantHash: hashId(grantId),
    personId,
    clientId: client.clientId,
    sessionHash: hashId(session.uid),
    ...(selected && { ...toLast(selected), basisId: selected.basisId }),
    scopes: stored.join(' '),
    createdAt: clock.now(),
    // Not `exp`: the provider writes that into the record only, and the instance does not have it.
    expiresAt: clock.now() + grant.remainingTTL * 1000,
  };
  const needsConsent = clients.find(client.clientId)?.first_party !== true;
  // The session's write comes before and has locked the person.
  await writeOrDefer(store, (tx) => storeGrant(tx, { grant: row, last: selected && toLast(selected), needsConsent }));
  return grant;
}

/** What the app may do at the APIs that it named (RFC 8707). */
function addResources(ctx: KoaContextWithOIDC, grant: Grant): void {
  for (const [identifier, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    const wanted = [...ctx.oidc.requestParamScopes].filter((scope) => server.scopes.has(scope));
    grant.addResourceScope(identifier, wanted.join(' '));
  }
}

function toLast({ role, schoolCode, childId }: ActingContext): LastContext {
  return { role, schoolCode: schoolCode ?? null, childId: childId ?? null };
}
