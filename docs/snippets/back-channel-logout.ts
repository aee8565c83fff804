import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Configuration } from 'openid-client';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** The sessions to end: the one with this `sid`, or all of `sub` if there is no `sid`. */
export interface Ended {
  sub: string | undefined;
  sid: string | undefined;
}

/**
 * `logoutToken` is the field `logout_token` of the form that the service posts. Answer 200 when it is valid, and 400 when
 * this throws. Create the reader once: it caches the keys.
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
    if (!isLogout || nonce !== undefined) throw new Error('not a logout token');
    return { sub, sid: typeof sid === 'string' ? sid : undefined };
  };
}
