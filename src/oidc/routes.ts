/** Every path of the provider that other code refers to, once. They are the defaults of oidc-provider. */
export const ROUTES = {
  authorization: '/auth',
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

/**
 * A path as the provider's router compares it: in any case, and with or without a slash at its end. Compare with `ROUTES` only what
 * went through here, or `/Auth` and `/auth/` pass a rule that is meant for `/auth`.
 */
export function normalizePath(path: string): string {
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}
