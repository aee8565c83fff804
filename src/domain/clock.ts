import { HOUR_MS } from './duration.ts';

/** The source of the current time; injected, so that tests control it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Returns the date in the city as `YYYY-MM-DD`. Taiwan keeps UTC+8 all year, so a fixed offset is exact. */
export function localDate(instant: number): string {
  return new Date(instant + 8 * HOUR_MS).toISOString().slice(0, 10);
}
