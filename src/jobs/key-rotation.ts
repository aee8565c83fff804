import { DAY_MS } from '../domain/duration.ts';
import type { Logger } from '../platform/logger.ts';
import type { KeyRing, ProviderKeys } from '../services/keys/key-ring.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

/** How soon a node knows of a rotation by another; far below the time that a next key is published before it signs. */
const POLL_MS = 30_000;

interface Deps {
  keyRing: KeyRing;
  log: Logger;
  /** Days between two rotations; 0: only by hand. */
  rotationDays: number;
  /** Pause between two looks, in milliseconds. */
  pollMs?: number | undefined;
  /** The version that this process signs with. */
  inUse: () => string;
  /** Takes new keys into use, without a restart. */
  use: (keys: ProviderKeys) => void;
}

/** Rotates the keys on their day, and takes up what this or another node rotated. */
export function startKeyRotationJob({ keyRing, log, rotationDays, pollMs = POLL_MS, inUse, use }: Deps): PeriodicJob {
  return startPeriodicJob('keys', pollMs, log, async () => {
    if (rotationDays > 0 && (await keyRing.rotate('schedule', rotationDays * DAY_MS))) log.info('keys rotated');
    if ((await keyRing.version()) === inUse()) return;
    use(await keyRing.load());
    log.info('new keys in use');
  });
}
