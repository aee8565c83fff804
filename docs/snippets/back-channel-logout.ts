import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Configuration } from 'openid-client';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Whose sessions end: that with this `sid`, or all of `sub` when there is no `sid`. */
export interface Ended {
  sub: string | undefined;
  sid: string | undefined;
}

/**
 * `logoutToken` is the field `logout_token` of the form that the service posts. Answer 200 when it is good, 400 when this
 * throws. Make it once: it remembers the keys.
 */
export function createLogoutReader(config: Configuration): (logoutToken: string) => Promise<Ended> {
  const { issuer, jwks_uri: jwksUri } = config.serverMetadata();
  const keys = createRemoteJWKSet(new URL(jwksUri ?? ''));
  return async (logoutToken) => {
    const { payload } = await jwtVerify(logoutToken, keys, {
      issuer,
      audience: config.clientMetadata().client_id,
      typ: 'logout+jwt',
      algorithms: ['ES256', 'RS256'],
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      clockTolerance: 10,
    });
    const { events, nonce, sub, sid } = payload;
    const isLogout = typeof events === 'object' && events !== null && EVENT in events;
    if (!isLogout || nonce !== undefined) throw new Error('this is no logout token');
    return { sub, sid: typeof sid === 'string' ? sid : undefined };
  };
}
