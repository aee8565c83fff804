import * as oidc from 'openid-client';

/** Reads the service's discovery document. Call it once, when your app starts. */
export function connect(issuer: URL, clientId: string, secret: string): Promise<oidc.Configuration> {
  // Plain http is for the demo on your own machine. The library refuses it by default.
  const execute = issuer.hostname === 'localhost' ? [oidc.allowInsecureRequests] : [];
  return oidc.discovery(issuer, clientId, secret, oidc.ClientSecretBasic(secret), { execute });
}
