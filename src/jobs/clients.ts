import { SECOND_MS } from '../domain/duration.ts';
import type { ClientRevocation } from '../services/access/client-revocation.ts';
import type { StoredClients } from '../services/access/stored-clients.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** In ms. Sign-in and tokens never wait for it: they read the row of their client. */
const POLL_MS = 2 * SECOND_MS;

interface Deps extends JobDeps {
  storedClients: Pick<StoredClients, 'refreshAll'>;
  clientRevocation: ClientRevocation;
}

/** Starts the job that reads relying parties which another node changed, and deletes the grants of disabled ones. */
export function startClientsJob({ storedClients, clientRevocation, log, metrics }: Deps): PeriodicJob {
  return startPeriodicJob('clients', POLL_MS, { log, metrics }, async () => {
    await storedClients.refreshAll();
    await clientRevocation.revokeDisabled();
  });
}
