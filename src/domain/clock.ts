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

/** Returns date and time in the city as `YYYY-MM-DDThh:mm`, the value of a `datetime-local` input. */
export function localDateTime(instant: number): string {
  return new Date(instant + 8 * HOUR_MS).toISOString().slice(0, 16);
}

/** Parses the value of an input for date and time in the city. @returns undefined if it is none */
export function parseLocalDateTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(text)) return undefined;
  const instant = Date.parse(`${text}:00Z`) - 8 * HOUR_MS;
  return Number.isNaN(instant) || localDateTime(instant) !== text ? undefined : instant;
}

/** Returns true if a text is a date of the calendar, `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  return parseLocalDateTime(`${text}T00:00`) !== undefined;
}
