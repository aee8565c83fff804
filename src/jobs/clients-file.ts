import type { ClientsReload } from '../services/access/clients-reload.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** In ms. A file that stays the same for one interval is complete: some editors truncate a file before they write it. */
const POLL_MS = 500;

interface Deps extends JobDeps {
  clientsReload: Pick<ClientsReload, 'poll'>;
  pollMs?: number | undefined;
}

/**
 * Starts the job that reloads the clients file after a change. It compares the state of the file, because events of the file system are
 * missing on network file systems and after the swap of a link, as in a ConfigMap of Kubernetes.
 */
export function startClientsFileJob({ clientsReload, log, metrics, pollMs = POLL_MS }: Deps): PeriodicJob {
  return startPeriodicJob('clients file', pollMs, { log, metrics }, () => {
    clientsReload.poll();
    return Promise.resolve();
  });
}
