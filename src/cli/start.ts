import type { JobIntervals } from '../container/jobs.ts';
import type { RunningServer } from '../main.ts';
import type { CliCommand } from './command.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export function addStartCommand(program: CliCommand): void {
  program
    .command('start')
    .description(
      'run the service until SIGINT or SIGTERM; a second one ends the drain; SIGHUP reloads the clients file',
    )
    .example('npm start', 'KINPASS_PORT=8443 kinpass start')
    .action(() => startService());
}

/**
 * Runs the service until SIGINT or SIGTERM stops it after the drain; a second signal ends the drain. SIGHUP reloads the clients file.
 */
export async function startService(intervals: JobIntervals = {}): Promise<void> {
  const { start } = await import('../main.ts');
  let running: RunningServer | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (running === undefined) {
      // Nothing is open yet, so the signal keeps its default effect.
      for (const one of STOP_SIGNALS) process.off(one, stop);
      process.kill(process.pid, signal);
      return;
    }
    void running.stop().then(() => {
      // The exit is explicit, because the test of a mail server that does not answer may still wait for ten seconds.
      process.exit(0);
    });
  };
  // A starting service needs no reload: it compares the file with what it has read.
  const reload = (): void => {
    running?.reloadClients();
  };
  const ignoreSignals = (): void => {
    for (const one of STOP_SIGNALS) process.off(one, stop);
    process.off('SIGHUP', reload);
  };
  // Registered before the service reports that it is ready, because a supervisor may send a signal right after that.
  for (const one of STOP_SIGNALS) process.on(one, stop);
  process.on('SIGHUP', reload);
  try {
    running = await start(process.env, intervals);
  } catch (error) {
    ignoreSignals();
    throw error;
  }
}
