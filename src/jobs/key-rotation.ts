import { DAY_MS } from '../domain/duration.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { KeyRing, ProviderKeys } from '../services/keys/key-ring.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** Delay until a node uses the keys that another node rotated, in ms; far shorter than `MIN_PUBLICATION_MS`. */
const POLL_MS = 30_000;

interface Deps extends JobDeps {
  keyRing: KeyRing;
  metrics: Metrics;
  /** Days between two rotations; 0 disables scheduled rotation. */
  rotationDays: number;
  pollMs?: number | undefined;
  /** Returns the key version that this process signs with. */
  inUse: () => string;
  /** Replaces the keys without a restart. */
  use: (keys: ProviderKeys) => void;
}

/** Starts the job that rotates keys on schedule and loads keys that any node rotated. */
export function startKeyRotationJob(deps: Deps): PeriodicJob {
  const { keyRing, log, metrics, rotationDays, pollMs = POLL_MS, inUse, use } = deps;
  return startPeriodicJob('keys', pollMs, { log, metrics }, async () => {
    if (rotationDays > 0 && (await keyRing.rotate('schedule', rotationDays * DAY_MS))) log.info('keys rotated');
    for (const { purpose, alg, state, since } of await keyRing.list()) {
      if (purpose === 'sign' && state === 'current') metrics.signingKeySince.set({ alg }, since / 1000);
    }
    if ((await keyRing.version()) === inUse()) return;
    use(await keyRing.load());
    log.info('new keys loaded');
  });
}
