import { HOUR_MS } from '../duration.ts';

/** Attempts that a counter refused without a comparison, since the last audit entry about them. */
export interface Refusals {
  count: number;
  /** Start of the window, ms since 1970; null while no window is open. */
  since: number | null;
}

/** The audit detail of a closed window. */
export interface RefusalSummary {
  attempts: number;
  /** Milliseconds since 1970. */
  since: number;
}

export const NO_REFUSALS: Refusals = { count: 0, since: null };

/** Milliseconds. Limits each counter to one audit entry per hour during a continuous attack. */
export const REFUSAL_WINDOW_MS = HOUR_MS;

export interface CountedRefusal {
  next: Refusals;
  /** True for the first refusal of a window. The caller records it separately, so the count excludes it. */
  isFirst: boolean;
  /** The summary of a window that was open for an hour, this refusal included. */
  summary: RefusalSummary | undefined;
}

/** Counts one refusal. Summarizes a window after an hour and starts a new one. */
export function countRefusal({ count, since }: Refusals, now: number): CountedRefusal {
  if (since === null) return { next: { count: 0, since: now }, isFirst: true, summary: undefined };
  if (now - since < REFUSAL_WINDOW_MS) return { next: { count: count + 1, since }, isFirst: false, summary: undefined };
  return { next: { count: 0, since: now }, isFirst: false, summary: { attempts: count + 1, since } };
}

/** @returns the summary of the window; undefined when the window contains only its first refusal, which has an entry already */
export function summarizeRefusals({ count, since }: Refusals): RefusalSummary | undefined {
  return since === null || count === 0 ? undefined : { attempts: count, since };
}

/** Returns true if an admitted attempt ends the window of an address counter, which admits and refuses in turns under load. */
export function isWindowOver({ since }: Refusals, now: number): boolean {
  return since !== null && now - since >= REFUSAL_WINDOW_MS;
}
