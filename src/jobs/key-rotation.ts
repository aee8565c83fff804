import { DAY_MS } from '../domain/duration.ts';
import type { Logger } from '../platform/logger.ts';
import type { KeyRing, ProviderKeys } from '../services/keys/key-ring.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

/** Delay until a node uses the keys that another node rotated, in ms; far shorter than `MIN_PUBLICATION_MS`. */
const POLL_MS = 30_000;

interface Deps {
  keyRing: KeyRing;
  log: Logger;
  /** Days between two rotations; 0 disables scheduled rotation. */
  rotationDays: number;
  pollMs?: number | undefined;
  /** Returns the key version that this process signs with. */
  inUse: () => string;
  /** Replaces the keys without a restart. */
  use: (keys: ProviderKeys) => void;
}

/** Starts the job that rotates keys on schedule and loads keys that any node rotated. */
export function startKeyRotationJob({ keyRing, log, rotationDays, pollMs = POLL_MS, inUse, use }: Deps): PeriodicJob {
  return startPeriodicJob('keys', pollMs, log, async () => {
    if (rotationDays > 0 && (await keyRing.rotate('schedule', rotationDays * DAY_MS))) log.info('keys rotated');
    if ((await keyRing.version()) === inUse()) return;
    use(await keyRing.load());
    log.info('new keys loaded');
  });
}
