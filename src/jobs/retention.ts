import { HOUR_MS } from '../domain/duration.ts';
import type { Retention } from '../services/personal-data/retention.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** Small, because a file of evidence has megabytes. */
const BATCH_SIZE = 100;

/** Starts the job that deletes applications, evidence and requests of people after their retention. Two nodes delete different rows. */
export function startRetentionJob({ retention, log, metrics }: JobDeps & { retention: Retention }): PeriodicJob {
  return startPeriodicJob('retention', HOUR_MS, { log, metrics }, async () => {
    while ((await retention.purge(BATCH_SIZE)) >= BATCH_SIZE);
  });
}
