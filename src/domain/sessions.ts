import { DAY_SECONDS, HOUR_SECONDS } from './duration.ts';

/** Without 記住我: a working day. The cookie also ends with the browser. In seconds. */
export const MAX_SESSION_SECONDS = 12 * HOUR_SECONDS;
/** With 記住我. In seconds. */
export const MAX_REMEMBERED_SESSION_SECONDS = 30 * DAY_SECONDS;

/** Live sessions of one person, far more than anybody has devices. One more ends the oldest. */
export const MAX_SESSIONS_PER_PERSON = 50;

/**
 * Live grants of one session at one client: one for each sign-in there, so two tabs with several children each, many times over. One more
 * revokes the oldest. Grants with `offline_access` are counted by themselves: an app that only checks the session ends no refresh token.
 */
export const MAX_GRANTS_PER_SESSION_AND_CLIENT = 20;

/**
 * Live grants with `offline_access` of one person at one client. They outlive their sessions by up to 90 days, so six devices that sign in
 * every three days have 180. One more revokes the oldest.
 */
export const MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT = 200;

/**
 * Whole seconds that a session has left, 0 when it is over. Counted from the sign-in, never from the last use.
 *
 * @param loginAt instant of the sign-in, in milliseconds
 * @param now in milliseconds; a clock that ran back gives nobody more than the full time
 */
export function sessionLifetime(remember: boolean, loginAt: number, now: number): number {
  const full = remember ? MAX_REMEMBERED_SESSION_SECONDS : MAX_SESSION_SECONDS;
  const used = Math.max(0, now - loginAt) / 1000;
  return Math.max(0, Math.floor(full - used));
}
