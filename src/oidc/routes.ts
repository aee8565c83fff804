/** The paths of the provider: the defaults of oidc-provider. No other file spells them. */
export const ROUTES = {
  authorization: '/auth',
  authorizationServerMetadata: '/.well-known/oauth-authorization-server',
  codeVerification: '/device',
  deviceAuthorization: '/device/auth',
  discovery: '/.well-known/openid-configuration',
  endSession: '/session/end',
  endSessionConfirm: '/session/end/confirm',
  endSessionSuccess: '/session/end/success',
  introspection: '/token/introspection',
  jwks: '/jwks',
  pushedAuthorizationRequest: '/request',
  revocation: '/token/revocation',
  token: '/token',
  userinfo: '/me',
} as const;

/** The methods of the endpoints that API clients call, never with a cookie. HEAD is answered like GET, without the body. */
export const API_METHODS: Readonly<Record<string, readonly string[]>> = {
  [ROUTES.authorizationServerMetadata]: ['GET', 'HEAD'],
  [ROUTES.deviceAuthorization]: ['POST'],
  [ROUTES.discovery]: ['GET', 'HEAD'],
  [ROUTES.introspection]: ['POST'],
  [ROUTES.jwks]: ['GET', 'HEAD'],
  [ROUTES.pushedAuthorizationRequest]: ['POST'],
  [ROUTES.revocation]: ['POST'],
  [ROUTES.token]: ['POST'],
  [ROUTES.userinfo]: ['GET', 'HEAD', 'POST'],
};

/**
 * Normalizes a path as the router of the provider does: it ignores case and a slash at the end. Normalize every path before you compare it
 * with `ROUTES`. Otherwise `/Auth` and `/auth/` bypass a rule for `/auth`.
 */
export function normalizePath(path: string): string {
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}
