import * as oidc from 'openid-client';

/** What your app remembers while the browser is away: in the session of this browser, never in an address. */
export interface Pending {
  state: string;
  nonce: string;
  verifier: string;
}

export type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** Send the browser to `url`; keep `pending` until it comes back to your redirect URI. */
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

/** `callbackUrl` is the whole address that the browser came back to. The library checks state, nonce, issuer and ID token. */
export function finishSignIn(config: oidc.Configuration, callbackUrl: URL, pending: Pending): Promise<Tokens> {
  return oidc.authorizationCodeGrant(config, callbackUrl, {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  });
}
