import { SECOND_MS } from '../domain/duration.ts';
import type { BulkRuns } from '../services/console/bulk-runs.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

const INTERVAL_MS = 15 * SECOND_MS;

/** Starts the job that works on bulk runs: at once on the node where staff started them, else after another node has stopped. */
export function startBulkRunsJob({ bulkRuns, log, metrics }: JobDeps & { bulkRuns: BulkRuns }): PeriodicJob {
  const job = startPeriodicJob('bulk runs', INTERVAL_MS, { log, metrics }, async () => {
    while (await bulkRuns.workOnNext());
  });
  bulkRuns.onStarted(() => {
    job.wake();
  });
  return job;
}
