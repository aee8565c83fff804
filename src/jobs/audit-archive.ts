import { DAY_MS } from '../domain/duration.ts';
import type { AuditArchive } from '../services/audit/archive.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** Starts the job that moves old audit entries to sealed files: at the start, then once a day. */
export function startAuditArchiveJob({ archive, log, metrics }: JobDeps & { archive: AuditArchive }): PeriodicJob {
  let isStopping = false;
  const job = startPeriodicJob('audit archive', DAY_MS, { log, metrics }, async () => {
    const entries = await archive.moveOld(() => isStopping);
    if (entries > 0) log.info({ entries }, 'audit entries archived');
  });
  return {
    wake: () => {
      job.wake();
    },
    stop: () => {
      isStopping = true;
      return job.stop();
    },
  };
}
