import * as client from 'openid-client';
import { codeOf, requestTokens, runAuthorization, textIn, type AuthorizationInput } from './authorization-flow.ts';
import { createHttpBrowser } from './http-browser.ts';
import { createParty, createRegistration, type TestParty } from './relying-party.ts';

/** An API that introspects its opaque tokens. */
const API = 'https://api.records.example';
export const RECORDS_API = { identifier: API, scopes: { records: 'Records' }, access_token_format: 'opaque' } as const;

export function recordsApiRegistration(secret: string): ReturnType<typeof createRegistration> {
  return createRegistration('records-api', secret, { scopes: ['openid'], introspects: API });
}

/** Signs in with a new browser. @returns a function that introspects the token of the person for the API */
export async function holdApiToken(
  party: TestParty,
  secret: string,
  { scope, ...entry }: Pick<AuthorizationInput, 'login' | 'choice'> & { scope: string },
): Promise<() => Promise<boolean>> {
  const { issuer } = party.config.serverMetadata();
  const parameters = { scope: `${scope} records`, resource: API, prompt: 'consent' };
  const { answer, verifier } = await runAuthorization(party, createHttpBrowser(issuer), { ...entry, parameters });
  const reply = await requestTokens(party, {
    ...{ grant_type: 'authorization_code', code: codeOf(answer), resource: API },
    ...{ redirect_uri: party.redirectUri, code_verifier: verifier },
  });
  const token = textIn(reply, 'access_token');
  const api = await createParty(issuer, { id: 'records-api', scope: 'openid', secret });
  return async () => (await client.tokenIntrospection(api.config, token)).active;
}
