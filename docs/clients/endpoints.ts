import { z } from 'zod';
import type { Settings } from './settings.ts';

const metadata = z.object({
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  userinfo_endpoint: z.url(),
  end_session_endpoint: z.url(),
  revocation_endpoint: z.url(),
});

/** Reads the discovery document. Call it once, when your app starts. */
export async function discover(issuer: string): Promise<z.infer<typeof metadata>> {
  return metadata.parse(await (await fetch(`${issuer}/.well-known/openid-configuration`)).json());
}

/** Returns current claims of the person, for example `name` and `roles`. */
export async function readUserInfo(endpoint: string, accessToken: string): Promise<Record<string, unknown>> {
  const response = await fetch(endpoint, { headers: { authorization: `Bearer ${accessToken}` } });
  if (!response.ok) throw new Error(`UserInfo answered ${response.status}: sign in again`);
  return z.record(z.string(), z.unknown()).parse(await response.json());
}

const tokens = z.object({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number() });

/** Refreshes the tokens of a client that has a secret. Store the refresh token: the answer may have another one. */
export async function refreshTokens(
  endpoint: string,
  { clientId, clientSecret }: Settings,
  refreshToken: string,
): Promise<z.infer<typeof tokens>> {
  const headers = { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` };
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  const response = await fetch(endpoint, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`the refresh failed, sign in again: ${await response.text()}`);
  return tokens.parse(await response.json());
}
