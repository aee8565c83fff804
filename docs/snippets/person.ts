import * as oidc from 'openid-client';
import type { Tokens } from './sign-in.ts';

/** Returns current name, roles and children. `undefined`: the access has ended, so sign in again. */
export async function readPerson(
  config: oidc.Configuration,
  tokens: Tokens,
): Promise<oidc.UserInfoResponse | undefined> {
  const sub = tokens.claims()?.sub;
  if (sub === undefined) throw new Error('no ID token: the scope must include openid');
  try {
    return await oidc.fetchUserInfo(config, tokens.access_token, sub);
  } catch (error) {
    if (error instanceof oidc.WWWAuthenticateChallengeError && error.status === 401) return undefined;
    throw error;
  }
}
