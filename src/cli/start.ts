import type { JobPauses } from '../container.ts';
import { start, type Running } from '../main.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `kinpass start` until SIGINT, SIGTERM or SIGHUP stops it after the drain; a second signal ends the drain. */
export async function startCommand(pauses: JobPauses = {}): Promise<void> {
  let running: Running | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (running === undefined) {
      // Nothing is open yet: the signal does what it does to any program.
      for (const one of SIGNALS) process.off(one, stop);
      process.kill(process.pid, signal);
      return;
    }
    void running.stop().then(() => {
      process.exitCode = 0;
    });
  };
  // Before the service says that it is ready: who waits for that word may send the signal in the next moment.
  for (const one of SIGNALS) process.on(one, stop);
  try {
    running = await start(process.env, pauses);
  } catch (error) {
    for (const one of SIGNALS) process.off(one, stop);
    throw error;
  }
}
