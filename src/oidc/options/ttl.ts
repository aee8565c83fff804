import type { AccessToken, Configuration, KoaContextWithOIDC, Session } from 'oidc-provider';
import { sessionLifetime } from '../../domain/sessions.ts';
import type { Clock } from '../../domain/clock.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * 60 * MINUTE;

/** In seconds: time to find the phone, type the code and sign in. */
export const DEVICE_CODE_SECONDS = 10 * MINUTE;

/** A refresh token that nobody uses dies after two weeks; used or not, a person signs in again after 90 days. */
export const REFRESH_IDLE_SECONDS = 14 * DAY;
export const REFRESH_ABSOLUTE_SECONDS = 90 * DAY;

/**
 * All lifetimes in seconds.
 *
 * @param idle seconds; a session is written anew at each use, so a shorter life makes an idle limit
 */
export function createTtl(clock: Clock, idle = Infinity): NonNullable<Configuration['ttl']> {
  const sessionLeft = (session: Session | undefined): number => {
    const loginAt = (session?.loginTs ?? Math.floor(clock.now() / 1000)) * 1000;
    return Math.max(1, sessionLifetime(session?.transient !== true, loginAt, clock.now()));
  };
  return {
    // An API may want a shorter life for its own (`access_token_minutes`).
    AccessToken: (_ctx: KoaContextWithOIDC, token: AccessToken) => token.resourceServer?.accessTokenTTL ?? 10 * MINUTE,
    AuthorizationCode: MINUTE,
    DeviceCode: DEVICE_CODE_SECONDS,
    IdToken: 10 * MINUTE,
    Interaction: 60 * MINUTE,
    // Before a sign-in a session only carries the secret of a form.
    Session: (_ctx: KoaContextWithOIDC, session: Session) =>
      session.accountId === undefined ? HOUR : Math.min(idle, sessionLeft(session)),
    // A grant never ends before what rests on it: the session, or the refresh tokens.
    Grant: (ctx: KoaContextWithOIDC) =>
      ctx.oidc.requestParamScopes.has('offline_access') ? REFRESH_ABSOLUTE_SECONDS : sessionLeft(ctx.oidc.session),
    RefreshToken: (ctx: KoaContextWithOIDC) => {
      const first = ctx.oidc.entities.RotatedRefreshToken?.iiat ?? Math.floor(clock.now() / 1000);
      const left = first + REFRESH_ABSOLUTE_SECONDS - Math.floor(clock.now() / 1000);
      return Math.max(1, Math.min(REFRESH_IDLE_SECONDS, left));
    },
  };
}
