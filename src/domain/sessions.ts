import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from './duration.ts';

/** Seconds. A session without 記住我 (remember me) lasts a working day. Its cookie also ends with the browser. */
export const MAX_SESSION_SECONDS = 12 * HOUR_SECONDS;
/** Seconds. A session with 記住我 (remember me). */
export const MAX_REMEMBERED_SESSION_SECONDS = 30 * DAY_SECONDS;

/**
 * Seconds: how old a sign-in may be to revoke sessions and apps; then the person confirms the password (OWASP ASVS 5.0, 7.5.2). Enough to
 * revoke several of them, and short for the holder of a copied cookie.
 */
export const RECENT_SIGN_IN_SECONDS = 5 * MINUTE_SECONDS;

/** Seconds: how old a second factor may be to change the second factors of an account. */
export const RECENT_SECOND_FACTOR_SECONDS = 15 * MINUTE_SECONDS;

/** Active sessions of one person, far more than people have devices. One more revokes the oldest. */
export const MAX_SESSIONS_PER_PERSON = 50;

/**
 * Active grants of one session at one client, one per sign-in there: enough for two tabs with several children each. One more revokes the
 * oldest. Grants with `offline_access` have their own limit, so that session checks (`prompt=none`) revoke no refresh token.
 */
export const MAX_GRANTS_PER_SESSION_AND_CLIENT = 20;

/**
 * Active grants with `offline_access` of one person at one client. They outlive their sessions by up to 90 days, so six devices that sign in
 * every three days have 180. One more revokes the oldest.
 */
export const MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT = 200;

/** Returns true if a session is neither revoked nor expired at `now` (ms). */
export function isSessionActive<Session extends { endedAt: number | null; expiresAt: number }>(
  session: Session | null | undefined,
  now: number,
): session is Session {
  return session?.endedAt === null && session.expiresAt > now;
}

/**
 * Returns the remaining lifetime of a session in whole seconds, 0 when it has expired. It counts from the sign-in, not the last use.
 *
 * @param loginAt instant of the sign-in, in milliseconds
 * @param now in milliseconds; a clock that was set back never extends the full lifetime
 */
export function sessionLifetime(remember: boolean, loginAt: number, now: number): number {
  const full = remember ? MAX_REMEMBERED_SESSION_SECONDS : MAX_SESSION_SECONDS;
  const used = Math.max(0, now - loginAt) / 1000;
  return Math.max(0, Math.floor(full - used));
}
