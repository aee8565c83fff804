/** Without 記住我: a working day. The cookie also ends with the browser. In seconds. */
export const SESSION_SECONDS = 12 * 3600;
/** With 記住我. In seconds. */
export const REMEMBERED_SESSION_SECONDS = 30 * 24 * 3600;

/** Live sessions of one person, far more than anybody has devices. One more ends the oldest. */
export const MAX_SESSIONS_PER_PERSON = 50;

/**
 * Whole seconds that a session has left, 0 when it is over. Counted from the sign-in, never from the last use.
 *
 * @param loginAt instant of the sign-in, in milliseconds
 * @param now in milliseconds; a clock that ran back gives nobody more than the full time
 */
export function sessionLifetime(remember: boolean, loginAt: number, now: number): number {
  const full = remember ? REMEMBERED_SESSION_SECONDS : SESSION_SECONDS;
  const used = Math.max(0, now - loginAt) / 1000;
  return Math.max(0, Math.floor(full - used));
}
