import type { JobPauses } from '../container.ts';
import { start } from '../main.ts';

/** `kinpass start`: runs until a signal ends it. */
export async function startCommand(pauses: JobPauses = {}): Promise<void> {
  const running = await start(process.env, pauses);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void running.stop().then(() => {
      process.exitCode = 0;
    });
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
