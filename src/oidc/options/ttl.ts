import type { AccessToken, Configuration, KoaContextWithOIDC, Session } from 'oidc-provider';
import { DAY_SECONDS, HOUR_MS, HOUR_SECONDS, MINUTE_SECONDS } from '../../domain/duration.ts';
import { sessionLifetime } from '../../domain/sessions.ts';
import type { Clock } from '../../domain/clock.ts';

/** Seconds: enough to find the phone, type the code and sign in. */
export const DEVICE_CODE_SECONDS = 10 * MINUTE_SECONDS;

/** Lifetime of an interaction, and of what the browser keeps for one. */
export const INTERACTION_MAX_AGE_MS = HOUR_MS;

/** Seconds. An unused refresh token expires after two weeks. After 90 days the person must sign in again. */
const REFRESH_IDLE_SECONDS = 14 * DAY_SECONDS;
const REFRESH_ABSOLUTE_SECONDS = 90 * DAY_SECONDS;

/**
 * Returns the lifetime of a refresh token after a use, in seconds.
 *
 * @param firstAt time of the first token of the sign-in, in seconds
 * @param now seconds
 */
export function refreshTokenLifetime(firstAt: number, now: number): number {
  return Math.max(1, Math.min(REFRESH_IDLE_SECONDS, firstAt + REFRESH_ABSOLUTE_SECONDS - now));
}

/**
 * Creates the lifetimes, in seconds.
 *
 * @param idle the idle limit of sessions, in seconds: each use of a session renews this lifetime
 */
export function createTtl(clock: Clock, idle = Infinity): NonNullable<Configuration['ttl']> {
  const sessionTtl = (session: Session | undefined): number => {
    const loginAt = (session?.loginTs ?? Math.floor(clock.now() / 1000)) * 1000;
    return Math.max(1, sessionLifetime(session?.transient !== true, loginAt, clock.now()));
  };
  return {
    // An API can set its own lifetime (`access_token_minutes`).
    AccessToken: (_ctx: KoaContextWithOIDC, token: AccessToken) =>
      token.resourceServer?.accessTokenTTL ?? 10 * MINUTE_SECONDS,
    AuthorizationCode: MINUTE_SECONDS,
    DeviceCode: DEVICE_CODE_SECONDS,
    IdToken: 10 * MINUTE_SECONDS,
    Interaction: INTERACTION_MAX_AGE_MS / 1000,
    // Before the sign-in a session contains only the secret of a form.
    Session: (_ctx: KoaContextWithOIDC, session: Session) =>
      session.accountId === undefined ? HOUR_SECONDS : Math.min(idle, sessionTtl(session)),
    // A grant never expires before its session or its refresh tokens.
    Grant: (ctx: KoaContextWithOIDC) =>
      ctx.oidc.requestParamScopes.has('offline_access') ? REFRESH_ABSOLUTE_SECONDS : sessionTtl(ctx.oidc.session),
    RefreshToken: (ctx: KoaContextWithOIDC) => {
      const now = Math.floor(clock.now() / 1000);
      return refreshTokenLifetime(ctx.oidc.entities.RotatedRefreshToken?.iiat ?? now, now);
    },
  };
}
