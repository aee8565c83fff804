import { DAY_MS } from '../domain/duration.ts';
import type { Logger } from '../platform/logger.ts';
import type { AuditArchive } from '../services/audit/archive.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

/** Starts the job that moves old audit entries to sealed files: at the start, then once a day. */
export function startAuditArchiveJob({ archive, log }: { archive: AuditArchive; log: Logger }): PeriodicJob {
  let isStopping = false;
  const job = startPeriodicJob('audit archive', DAY_MS, log, async () => {
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
