import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

/**
 * Does what stands beside the work: measuring, listening, telling. An exception there would turn a good answer into a 500, so
 * it is logged and counted, and the work goes on.
 *
 * @param kind label of `kinpass_best_effort_failures_total`
 */
export function runBestEffort(
  { log, metrics }: { log: Logger; metrics: Pick<Metrics, 'bestEffortFailures'> },
  kind: string,
  work: () => void,
): void {
  try {
    work();
  } catch (error) {
    log.error({ err: error, kind }, 'side effect failed');
    metrics.bestEffortFailures.inc({ kind });
  }
}
