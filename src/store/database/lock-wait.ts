import type { StoreLog } from './transaction.ts';

/** Time between two lines about a wait, in milliseconds. */
const REPORT_INTERVAL_MS = 5_000;

/** Logs every five seconds that another process holds the migration lock. */
export async function whileReporting<T>(log: StoreLog | undefined, locked: Promise<T>): Promise<T> {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += REPORT_INTERVAL_MS / 1000;
    log?.warn({ seconds }, 'waiting for the migration lock, which another process holds');
  }, REPORT_INTERVAL_MS);
  try {
    return await locked;
  } finally {
    clearInterval(timer);
  }
}
