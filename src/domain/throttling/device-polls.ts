/** Seconds between two polls of a device, unless it gets `slow_down` (RFC 8628, section 3.5). Sent to the device. */
export const POLL_INTERVAL_SECONDS = 5;
/** Seconds that the interval grows by with each `slow_down` (RFC 8628, section 3.5). */
const SLOW_DOWN_SECONDS = 5;
/** Seconds. A code is valid for 10 minutes. A device that always polls too fast still gets an answer each minute. */
export const MAX_INTERVAL_SECONDS = 60;
/** Milliseconds that a poll may be early: timers of devices are not exact, and the clocks of two nodes differ. */
const TOLERANCE_MS = 500;

/** The poll state of one device code. */
export interface PollState {
  intervalSeconds: number;
  /** Instant (ms) of the last poll that was not too early. */
  acceptedAt: number;
}

/** Returns the state after the first poll for a code. */
export function firstPoll(now: number): PollState {
  return { intervalSeconds: POLL_INTERVAL_SECONDS, acceptedAt: now };
}

/**
 * Registers a poll. A poll before the end of the interval gets `slow_down`, and the interval grows for all later polls. The interval starts
 * at the last accepted poll, so a device that waits the new interval after `slow_down` is never too early.
 */
export function registerPoll(state: PollState, now: number): { isTooEarly: boolean; next: PollState } {
  const { intervalSeconds, acceptedAt } = state;
  if (now >= acceptedAt + intervalSeconds * 1000 - TOLERANCE_MS) {
    return { isTooEarly: false, next: { intervalSeconds, acceptedAt: now } };
  }
  const grown = Math.min(MAX_INTERVAL_SECONDS, intervalSeconds + SLOW_DOWN_SECONDS);
  return { isTooEarly: true, next: { intervalSeconds: grown, acceptedAt } };
}
