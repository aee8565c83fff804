import { countRefusal, NO_REFUSALS, summarizeRefusals, type RefusalSummary } from '../../domain/throttling/refusals.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';

/*
 * Counts refused attempts at the counter that refuses them. The first one of a window has its own audit entry; one entry summarizes the
 * others. So unauthenticated attempts do not fill the audit log.
 */

/** Events that summarize refused attempts. */
export const THROTTLED = {
  signIn: 'sign_in.throttled',
  passwordReset: 'password_reset.throttled',
  accountReminder: 'account_reminder.throttled',
  secondFactor: 'second_factor.throttled',
} as const;

/** The counters that do not belong to sign-in, by the start of their keys. */
const EVENT_BY_PREFIX = [
  ['recovery-', THROTTLED.passwordReset],
  ['reminder-', THROTTLED.accountReminder],
  ['second-factor', THROTTLED.secondFactor],
] as const;

/** Creates the entry that summarizes refused attempts. @param about the fields that they share */
export function createSummaryEvent(
  event: string,
  { attempts, since }: RefusalSummary,
  about: Partial<AuditEvent> = {},
): AuditEvent {
  return { event, outcome: 'refused', ...about, detail: { ...about.detail, attempts, since } };
}

interface CounterRefusal {
  /** The locked, refusing counter. */
  counter: RefusalWindow & Pick<throttles.Throttle, 'refusals'>;
  now: number;
  /** Event name of a summary. */
  event: string;
  /** Entry of the first refusal in a window; undefined if single refusals have no entry. */
  first: AuditEvent | undefined;
}

/** Counts a refused attempt. @returns its audit entries */
export async function recordRefusal(
  tx: Transaction,
  { counter: { key, eventFields, refusals }, now, event, first }: CounterRefusal,
): Promise<AuditEvent[]> {
  const { next, isFirst, summary } = countRefusal(refusals, now);
  await throttles.updateRefusals(tx, key, isFirst && first === undefined ? { ...next, count: 1 } : next);
  if (isFirst) return first === undefined ? [] : [first];
  return summary === undefined ? [] : [createSummaryEvent(event, summary, eventFields)];
}

/** A counter with refused attempts that are not summarized yet. */
export interface RefusalWindow {
  key: string;
  /** Audit fields that the attempts share. */
  eventFields: Partial<AuditEvent>;
}

/** Ends windows. @returns the audit entries that summarize them */
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

/** Deletes a counter. @returns the summary of its window */
export async function clearCounter(tx: Transaction, key: string): Promise<RefusalSummary | undefined> {
  const refusals = await throttles.deleteThrottle(tx, key);
  return refusals && summarizeRefusals(refusals);
}

/**
 * Deletes up to `limit` counters not updated since `before` (ms since 1970). The keys are keyed hashes, so one audit entry per kind
 * summarizes all their windows.
 *
 * @returns the number of deleted counters
 */
export async function purgeCounters(
  tx: Transaction,
  append: Audit['append'],
  before: number,
  limit: number,
): Promise<number> {
  const purged = await throttles.purgeThrottles(tx, before, limit);
  const byEvent = Map.groupBy(
    purged,
    ({ key }) => EVENT_BY_PREFIX.find(([prefix]) => key.startsWith(prefix))?.[1] ?? THROTTLED.signIn,
  );
  for (const [event, counters] of byEvent) {
    const summaries = counters.flatMap(({ refusals }) => summarizeRefusals(refusals) ?? []);
    if (summaries.length === 0) continue;
    const attempts = summaries.reduce((sum, summary) => sum + summary.attempts, 0);
    const since = Math.min(...summaries.map((summary) => summary.since));
    await append(tx, createSummaryEvent(event, { attempts, since }, { detail: { counters: summaries.length } }));
  }
  return purged.length;
}
