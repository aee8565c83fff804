import * as oidc from 'openid-client';
import { startSignIn, type Pending } from './sign-in.ts';

const API = 'https://notices.city.example/';

/** Names the API and the scopes. A scope of an API has a meaning only together with its API. */
export function startSignInForApi(
  config: oidc.Configuration,
  redirectUri: string,
): Promise<{ url: URL; pending: Pending }> {
  const scope = 'openid children offline_access notices.read';
  return startSignIn(config, redirectUri, { scope, resource: API, prompt: 'consent' });
}

/** Returns a token for this API only. It lives minutes; get the next one the same way. */
export async function tokenForApi(
  config: oidc.Configuration,
  refreshToken: string,
): Promise<{ accessToken: string; refreshToken: string }> {
  const tokens = await oidc.refreshTokenGrant(config, refreshToken, { resource: API });
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token ?? refreshToken };
}
