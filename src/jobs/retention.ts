import { HOUR_MS } from '../domain/duration.ts';
import type { Logger } from '../platform/logger.ts';
import type { Retention } from '../services/personal-data/retention.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

/** Small, because a file of evidence has megabytes. */
const BATCH_SIZE = 100;

/** Starts the job that deletes applications, evidence and requests of people after their retention. Two nodes delete different rows. */
export function startRetentionJob({ retention, log }: { retention: Retention; log: Logger }): PeriodicJob {
  return startPeriodicJob('retention', HOUR_MS, log, async () => {
    while ((await retention.purge(BATCH_SIZE)) >= BATCH_SIZE);
  });
}
