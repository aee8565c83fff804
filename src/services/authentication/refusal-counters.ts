import { countRefusal, NO_REFUSALS, summarize, type RefusalSummary } from '../../domain/throttling/refusals.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Unit } from '../../store/database/index.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';

/*
 * Refused attempts are counted on the counter that refuses them. The first one of a window has an audit entry of its own; one entry sums
 * up the others. So attempts without sign-in do not fill the audit log.
 */

/** The events that sum up refused attempts. */
export const THROTTLED = { signIn: 'sign_in.throttled', recovery: 'recovery.throttled' } as const;

/** The entry that sums up refused attempts. `about`: what they have in common. */
export function summaryEvent(
  event: string,
  { attempts, since }: RefusalSummary,
  about: Partial<AuditEvent> = {},
): AuditEvent {
  return { event, outcome: 'refused', ...about, detail: { ...about.detail, attempts, since } };
}

/** A refused attempt. */
export interface Refusal {
  /** The locked counter that refuses. */
  counter: RefusalWindow & Pick<throttles.Throttle, 'refusals'>;
  now: number;
  /** The event of a summary. */
  event: string;
  /** The entry of the first refusal of a window; undefined where single refusals have no entry. */
  first: AuditEvent | undefined;
}

/** Counts a refused attempt. @returns the audit entries that belong to it */
export async function recordRefusal(
  tx: Unit,
  { counter: { key, about, refusals }, now, event, first }: Refusal,
): Promise<AuditEvent[]> {
  const { next, isFirst, summary } = countRefusal(refusals, now);
  await throttles.putRefusals(tx, key, isFirst && first === undefined ? { ...next, count: 1 } : next);
  if (isFirst) return first === undefined ? [] : [first];
  return summary === undefined ? [] : [summaryEvent(event, summary, about)];
}

/** A counter with refused attempts that are not summed up yet. */
export interface RefusalWindow {
  key: string;
  /** What the attempts have in common. */
  about: Partial<AuditEvent>;
}

/** Ends windows. @returns the audit entries that sum them up */
export async function endWindows(tx: Unit, event: string, windows: readonly RefusalWindow[]): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const { key, about } of windows) {
    const { refusals } = await throttles.lockThrottle(tx, key);
    await throttles.putRefusals(tx, key, NO_REFUSALS);
    const summary = summarize(refusals);
    if (summary !== undefined) events.push(summaryEvent(event, summary, about));
  }
  return events;
}

/** Removes a counter. @returns the summary of its window */
export async function clearCounter(tx: Unit, key: string): Promise<RefusalSummary | undefined> {
  const refusals = await throttles.clearThrottle(tx, key);
  return refusals && summarize(refusals);
}

/**
 * Removes up to `limit` counters not touched since `before` (ms since 1970). The keys are keyed hashes, so one audit entry per kind sums up
 * all their windows.
 *
 * @returns how many were removed
 */
export async function purgeCounters(tx: Unit, append: Audit['append'], before: number, limit: number): Promise<number> {
  const purged = await throttles.purgeThrottles(tx, before, limit);
  const byEvent = Map.groupBy(purged, ({ key }) =>
    key.startsWith('recovery-') ? THROTTLED.recovery : THROTTLED.signIn,
  );
  for (const [event, counters] of byEvent) {
    const summaries = counters.flatMap(({ refusals }) => summarize(refusals) ?? []);
    if (summaries.length === 0) continue;
    const attempts = summaries.reduce((sum, one) => sum + one.attempts, 0);
    const since = Math.min(...summaries.map((one) => one.since));
    await append(tx, summaryEvent(event, { attempts, since }, { detail: { counters: summaries.length } }));
  }
  return purged.length;
}
