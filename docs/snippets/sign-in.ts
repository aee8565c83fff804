import * as oidc from 'openid-client';

/** Keep this in the session of the browser until it returns, never in a URL. */
export interface Pending {
  state: string;
  nonce: string;
  verifier: string;
}

export type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** Redirect the browser to `url`, and keep `pending` until it returns to your redirect URI. */
export async function startSignIn(
  config: oidc.Configuration,
  redirectUri: string,
  more: Record<string, string> = {},
): Promise<{ url: URL; pending: Pending }> {
  const pending = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    verifier: oidc.randomPKCECodeVerifier(),
  };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile roles children children.profile',
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { url, pending };
}

/** `callbackUrl` is the complete URL of the callback request. The library checks state, nonce, issuer and ID token. */
export function finishSignIn(config: oidc.Configuration, callbackUrl: URL, pending: Pending): Promise<Tokens> {
  return oidc.authorizationCodeGrant(config, callbackUrl, {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  });
}
