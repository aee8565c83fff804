import { countRefusal, NO_REFUSALS, summarizeRefusals, type RefusalSummary } from '../../domain/throttling/refusals.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';

/*
 * Refused attempts are counted on the counter that refuses them. The first one of a window has an audit entry of its own; one entry sums
 * up the others. So attempts without sign-in do not fill the audit log.
 */

/** The events that sum up refused attempts. */
export const THROTTLED = { signIn: 'sign_in.throttled', passwordReset: 'password_reset.throttled' } as const;

/** The entry that sums up refused attempts. `about`: what they have in common. */
export function createSummaryEvent(
  event: string,
  { attempts, since }: RefusalSummary,
  about: Partial<AuditEvent> = {},
): AuditEvent {
  return { event, outcome: 'refused', ...about, detail: { ...about.detail, attempts, since } };
}

/** A refused attempt. */
export interface CounterRefusal {
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
  tx: Transaction,
  { counter: { key, eventFields, refusals }, now, event, first }: CounterRefusal,
): Promise<AuditEvent[]> {
  const { next, isFirst, summary } = countRefusal(refusals, now);
  await throttles.updateRefusals(tx, key, isFirst && first === undefined ? { ...next, count: 1 } : next);
  if (isFirst) return first === undefined ? [] : [first];
  return summary === undefined ? [] : [createSummaryEvent(event, summary, eventFields)];
}

/** A counter with refused attempts that are not summed up yet. */
export interface RefusalWindow {
  key: string;
  /** What the attempts have in common. */
  eventFields: Partial<AuditEvent>;
}

/** Ends windows. @returns the audit entries that sum them up */
export async function closeWindows(
  tx: Transaction,
  event: string,
  windows: readonly RefusalWindow[],
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const { key, eventFields } of windows) {
    const { refusals } = await throttles.readThrottleForUpdate(tx, key);
    await throttles.updateRefusals(tx, key, NO_REFUSALS);
    const summary = summarizeRefusals(refusals);
    if (summary !== undefined) events.push(createSummaryEvent(event, summary, eventFields));
  }
  return events;
}

/** Removes a counter. @returns the summary of its window */
export async function clearCounter(tx: Transaction, key: string): Promise<RefusalSummary | undefined> {
  const refusals = await throttles.deleteThrottle(tx, key);
  return refusals && summarizeRefusals(refusals);
}

/**
 * Removes up to `limit` counters not touched since `before` (ms since 1970). The keys are keyed hashes, so one audit entry per kind sums up
 * all their windows.
 *
 * @returns how many were removed
 */
export async function purgeCounters(
  tx: Transaction,
  append: Audit['append'],
  before: number,
  limit: number,
): Promise<number> {
  const purged = await throttles.purgeThrottles(tx, before, limit);
  const byEvent = Map.groupBy(purged, ({ key }) =>
    key.startsWith('recovery-') ? THROTTLED.passwordReset : THROTTLED.signIn,
  );
  for (const [event, counters] of byEvent) {
    const summaries = counters.flatMap(({ refusals }) => summarizeRefusals(refusals) ?? []);
    if (summaries.length === 0) continue;
    const attempts = summaries.reduce((sum, one) => sum + one.attempts, 0);
    const since = Math.min(...summaries.map((one) => one.since));
    await append(tx, createSummaryEvent(event, { attempts, since }, { detail: { counters: summaries.length } }));
  }
  return purged.length;
}
