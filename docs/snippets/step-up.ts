import * as oidc from 'openid-client';
import { startSignIn, type Pending, type Tokens } from './sign-in.ts';

const MAX_AUTH_AGE_SECONDS = 5 * 60;

/** Before a payment: asks for the password unless the person signed in less than five minutes ago. */
export function startFreshSignIn(
  config: oidc.Configuration,
  redirectUri: string,
): Promise<{ url: URL; pending: Pending }> {
  return startSignIn(config, redirectUri, { max_age: String(MAX_AUTH_AGE_SECONDS) });
}

/** `maxAge` makes the library check `auth_time`. The request parameter alone proves nothing. */
export function finishFreshSignIn(config: oidc.Configuration, callbackUrl: URL, pending: Pending): Promise<Tokens> {
  return oidc.authorizationCodeGrant(config, callbackUrl, {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    maxAge: MAX_AUTH_AGE_SECONDS,
  });
}
