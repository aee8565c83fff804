import type { KoaContextWithOIDC, Grant } from 'oidc-provider';
import { claimsForScopes, allowedScopes } from '../../domain/claims/scopes.ts';
import type { ActingContext } from '../../domain/model.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { storeGrant, type LastContext } from '../../services/access/grants.ts';
import { writeOrDefer } from '../adapter/pending-writes.ts';
import type { OidcDeps } from '../deps.ts';
import { isFirstParty } from '../prompts/first-party.ts';
import type { PendingCheck } from '../prompts/index.ts';
import type { ContextResolver, ContextSelection } from './context-selection.ts';
import { requestedScopes } from './requested-scopes.ts';

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients'>;

/**
 * Issues a new grant for each authorization, when no prompt is open. The grant stores the selected context, so each tab keeps its own and a
 * refresh keeps it (docs/claims.md, rule 8). A reused grant would mix the scopes and contexts of several tabs.
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
  { selected }: ContextSelection,
): Promise<Grant> {
  const { provider, client, session } = ctx.oidc;
  const personId = session?.accountId;
  if (client === undefined || session === undefined || personId === undefined) {
    throw new Error('a grant needs a client and a signed-in person: the request lacks one of them');
  }
  const entitlements = clients.entitlementsOf(client.clientId);
  const scopes = allowedScopes([...ctx.oidc.requestParamScopes], entitlements);
  const releasable: ReadonlySet<string> = claimsForScopes(scopes);
  const grant = new provider.Grant({ accountId: personId, clientId: client.clientId });
  grant.addOIDCScope(scopes.join(' '));
  grant.addOIDCClaims([...ctx.oidc.requestParamClaims].filter((claim) => releasable.has(claim)));
  addResources(ctx, grant);
  const grantId = await grant.save();
  const stored = requestedScopes(ctx, entitlements);
  const row = {
    grantHash: hashId(grantId),
    personId,
    clientId: client.clientId,
    sessionHash: hashId(session.uid),
    ...(selected && { ...toLast(selected), basisId: selected.basisId }),
    scopes: stored.join(' '),
    createdAt: clock.now(),
    // The provider sets `exp` in the stored record only; the instance does not have it.
    expiresAt: clock.now() + grant.remainingTTL * 1000,
  };
  // The write of the session runs before this one and locks the person.
  await writeOrDefer(store, (tx) =>
    storeGrant(tx, clients, {
      grant: row,
      last: selected && toLast(selected),
      needsConsent: !isFirstParty({ clients }, ctx),
    }),
  );
  return grant;
}

/** Adds the scopes of the requested APIs (RFC 8707). */
function addResources(ctx: KoaContextWithOIDC, grant: Grant): void {
  for (const [identifier, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    const granted = [...ctx.oidc.requestParamScopes].filter((scope) => server.scopes.has(scope));
    grant.addResourceScope(identifier, granted.join(' '));
  }
}

function toLast({ role, schoolCode, childId }: ActingContext): LastContext {
  return { role, schoolCode: schoolCode ?? null, childId: childId ?? null };
}
