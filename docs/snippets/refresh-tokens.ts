import * as oidc from 'openid-client';
import { startSignIn, type Pending, type Tokens } from './sign-in.ts';

/** Starts a sign-in whose refresh token outlives the browser session. */
export function startLastingSignIn(
  config: oidc.Configuration,
  redirectUri: string,
): Promise<{ url: URL; pending: Pending }> {
  return startSignIn(config, redirectUri, { scope: 'openid profile children offline_access', prompt: 'consent' });
}

/** Store the refresh token of the response: at a public client it is a new one. `undefined`: it has ended, so sign in again. */
export async function renew(config: oidc.Configuration, refreshToken: string): Promise<Tokens | undefined> {
  try {
    return await oidc.refreshTokenGrant(config, refreshToken);
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') return undefined;
    throw error;
  }
}
