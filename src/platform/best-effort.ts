import type { Logger } from './logger.ts';
import type { BEST_EFFORT_KINDS, Metrics } from './metrics.ts';

export type BestEffortKind = (typeof BEST_EFFORT_KINDS)[number];

/**
 * Runs a side effect such as a measurement, a listener or a notification. Logs and counts its exception, which must not turn a successful
 * response into a 500.
 *
 * @param kind label of `kinpass_best_effort_failures_total`
 */
export function runBestEffort(
  { log, metrics }: { log: Logger; metrics: Pick<Metrics, 'bestEffortFailures'> },
  kind: BestEffortKind,
  work: () => void,
): void {
  try {
    work();
  } catch (error) {
    log.error({ err: error, kind }, 'side effect failed');
    metrics.bestEffortFailures.inc({ kind });
  }
}
