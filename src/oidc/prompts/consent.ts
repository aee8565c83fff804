import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { requestedScopes } from '../contexts/requested-scopes.ts';
import type { OidcDeps } from '../deps.ts';
import { requestedCheck } from './requested-check.ts';

const { Check, Prompt } = interactionPolicy;

/**
 * Apps of the city are registered by the bureau and skip this page. Others show each item once; the answer is stored and holds until
 * the person removes the app.
 */
export function consentPrompt({ clients, consents }: OidcDeps): interactionPolicy.Prompt {
  const isFirstParty = (ctx: KoaContextWithOIDC): boolean =>
    clients.find(ctx.oidc.client?.clientId ?? '')?.first_party === true;
  const prompt = new Prompt(
    { name: 'consent', requestable: true },
    new Check('consent_missing', 'the person has not agreed to all items', 'consent_required', async (ctx) => {
      const personId = ctx.oidc.session?.accountId;
      const clientId = ctx.oidc.client?.clientId;
      if (isFirstParty(ctx) || personId === undefined || clientId === undefined) return false;
      const wanted = requestedScopes(ctx, clients.entitlementsOf(clientId));
      return !(await consents.has(personId, clientId, wanted));
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
