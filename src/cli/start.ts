import type { JobIntervals } from '../container/jobs.ts';
import type { RunningServer } from '../main.ts';
import type { CliCommand } from './command.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function addStartCommand(program: CliCommand): void {
  program
    .command('start')
    .description('run the service until SIGINT, SIGTERM or SIGHUP; a second signal ends the drain')
    .example('npm start', 'KINPASS_PORT=8443 kinpass start')
    .action(() => startService());
}

/** Runs the service until SIGINT, SIGTERM or SIGHUP stops it after the drain; a second signal ends the drain. */
export async function startService(intervals: JobIntervals = {}): Promise<void> {
  const { start } = await import('../main.ts');
  let running: RunningServer | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (running === undefined) {
      // Nothing is open yet, so the signal keeps its default effect.
      for (const one of SIGNALS) process.off(one, stop);
      process.kill(process.pid, signal);
      return;
    }
    void running.stop().then(() => {
      process.exitCode = 0;
    });
  };
  // Registered before the service reports that it is ready, because a supervisor may send a signal right after that.
  for (const one of SIGNALS) process.on(one, stop);
  try {
    running = await start(process.env, intervals);
  } catch (error) {
    for (const one of SIGNALS) process.off(one, stop);
    throw error;
  }
}
