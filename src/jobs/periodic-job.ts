import type { Logger } from '../platform/logger.ts';

/** A job that runs again and again until it is stopped. */
export interface PeriodicJob {
  /** Runs now instead of at the end of the pause. */
  wake(): void;
  /** Waits for the run that is under way. */
  stop(): Promise<void>;
}

/**
 * Runs `work`, pauses, and runs it again. A run that throws is logged, and the next one comes all the same.
 *
 * @param pauseMs between two runs
 */
export function startPeriodicJob(name: string, pauseMs: number, log: Logger, work: () => Promise<void>): PeriodicJob {
  let stopped = false;
  let wanted = true;
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
    while (!stopped) {
      wanted = false;
      try {
        await work();
      } catch (error) {
        log.error({ err: error, job: name }, 'job failed');
      }
      if (!isWanted()) await pause();
    }
  };
  const isWanted = (): boolean => wanted || stopped;
  const done = run();
  return {
    wake: () => {
      wanted = true;
      resume?.();
    },
    stop: async () => {
      stopped = true;
      resume?.();
      await done;
    },
  };
}
