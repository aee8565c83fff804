import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';

/** A job that runs repeatedly until it is stopped. */
export interface PeriodicJob {
  /** Starts the next run at once. */
  wake(): void;
  /** Stops the job and waits for the run in progress. */
  stop(): Promise<void>;
}

export interface JobDeps {
  log: Logger;
  metrics: Pick<Metrics, 'jobLastSuccess' | 'jobFailures' | 'jobInterval'>;
}

/**
 * Runs `work`, pauses, and repeats. Logs and counts a run that throws, and continues.
 *
 * @param pauseMs between two runs
 */
export function startPeriodicJob(
  name: string,
  pauseMs: number,
  { log, metrics }: JobDeps,
  work: () => Promise<void>,
): PeriodicJob {
  const labels = { task: name };
  metrics.jobInterval.set(labels, pauseMs / 1000);
  metrics.jobLastSuccess.set(labels, 0);
  metrics.jobFailures.inc(labels, 0);
  let isStopped = false;
  let isRequested = true;
  let resume: (() => void) | undefined;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!isStopped) {
      isRequested = false;
      try {
        await work();
        metrics.jobLastSuccess.setToCurrentTime(labels);
      } catch (error) {
        metrics.jobFailures.inc(labels);
        log.error({ err: error, job: name }, 'job failed');
      }
      if (!shouldRunNow()) await pause();
    }
  };
  const shouldRunNow = (): boolean => isRequested || isStopped;
  const done = run();
  return {
    wake: () => {
      isRequested = true;
      resume?.();
    },
    stop: async () => {
      isStopped = true;
      resume?.();
      await done;
    },
  };
}
