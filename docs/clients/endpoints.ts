import { z } from 'zod';

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

/** Refreshes tokens. `authentication` is the header of client_secret_basic, or the fields of client_secret_post. */
export async function refreshTokens(
  endpoint: string,
  refreshToken: string,
  authentication: { headers?: Record<string, string>; fields?: Record<string, string> },
): Promise<z.infer<typeof tokens>> {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    ...authentication.fields,
  });
  const response = await fetch(endpoint, { method: 'POST', headers: authentication.headers ?? {}, body });
  if (!response.ok) throw new Error(`the refresh failed, sign in again: ${await response.text()}`);
  return tokens.parse(await response.json());
}
