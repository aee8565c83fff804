import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { apiScope } from '../../domain/scopes.ts';
import * as grants from '../../store/grants.ts';
import type { OidcDeps } from '../deps.ts';
import { requestedCheck } from './requested-check.ts';

const { Check, Prompt } = interactionPolicy;

/**
 * Apps of the city are registered by the bureau and skip this page. Others show each item once; the answer holds as long as one
 * of the grants that it gave is alive, and ends when the person revokes the app.
 */
export function consentPrompt({ clients, store, clock }: OidcDeps): interactionPolicy.Prompt {
  const isFirstParty = (ctx: KoaContextWithOIDC): boolean =>
    clients.find(ctx.oidc.client?.clientId ?? '')?.first_party === true;
  const answered = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.result?.consent !== undefined;
  const prompt = new Prompt(
    { name: 'consent', requestable: true },
    new Check('scopes_open', 'the person has not agreed to all items', 'consent_required', async (ctx) => {
      const personId = ctx.oidc.session?.accountId;
      const clientId = ctx.oidc.client?.clientId;
      if (isFirstParty(ctx) || answered(ctx) || personId === undefined || clientId === undefined) return false;
      const alive = await store.read((u) => grants.liveGrantsOf(u, personId, clock.now()));
      const given = new Set(
        alive.filter((grant) => grant.clientId === clientId).flatMap((grant) => grant.scopes.split(' ')),
      );
      return askedFor(ctx).some((scope) => !given.has(scope));
    }),
    // RFC 8252 8.6: another app on the phone can claim a private-use scheme, so nothing goes there without a gesture.
    new Check('native_app', 'a native app needs a gesture of the person', 'interaction_required', ({ oidc }) => {
      const redirectUri = oidc.params?.['redirect_uri'];
      const assured = typeof redirectUri === 'string' && redirectUri.startsWith('https:');
      return oidc.client?.applicationType === 'native' && !assured && oidc.result === undefined;
    }),
  );
  // `prompt=consent` is how OpenID Connect asks for offline_access; for the city's own apps there is nothing to ask.
  const requested = requestedCheck(prompt);
  const ask = requested.check;
  requested.check = (ctx) => !isFirstParty(ctx) && ask(ctx);
  return prompt;
}

/** Scopes that mean something: the service's own, and those of the APIs that the request names. */
function askedFor({ oidc }: KoaContextWithOIDC): string[] {
  const ofApis = Object.entries(oidc.resourceServers ?? {}).flatMap(([identifier, { scopes }]) =>
    [...oidc.requestParamScopes].filter((scope) => scopes.has(scope)).map((scope) => apiScope(identifier, scope)),
  );
  return [...oidc.requestParamOIDCScopes, ...ofApis];
}
