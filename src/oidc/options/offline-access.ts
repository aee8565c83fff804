import { decodeJwt } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import { isFirstParty } from '../prompts/first-party.ts';

const OFFLINE_ACCESS = 'offline_access';

const scopeParameter = z.object({ scope: z.string() });

/**
 * Restores `offline_access` in a request of a first-party client. The provider removes it without `prompt=consent`, but first-party clients
 * need no consent (OpenID Connect Core 1.0, section 11: "other conditions"). Call it after the provider has checked the scopes.
 */
export function restoreOfflineAccess(deps: { clients: ClientRegistry }, ctx: KoaContextWithOIDC): void {
  const { client, params, requestParamScopes } = ctx.oidc;
  if (params === undefined || client?.grantTypeAllowed('refresh_token') !== true || !isFirstParty(deps, ctx)) return;
  if (requestParamScopes.has(OFFLINE_ACCESS) || !requestedScopesOf(ctx).includes(OFFLINE_ACCESS)) return;
  params['scope'] = [...requestParamScopes, OFFLINE_ACCESS].join(' ');
}

/** Returns the scopes as the client sent them. */
function requestedScopesOf(ctx: KoaContextWithOIDC): string[] {
  const pushed = ctx.oidc.entities.PushedAuthorizationRequest?.request;
  const direct = ctx.method === 'POST' ? ctx.oidc.body : ctx.query;
  const sent = scopeParameter.safeParse(pushed === undefined ? direct : decodeJwt(pushed));
  return sent.success ? sent.data.scope.split(' ') : [];
}
