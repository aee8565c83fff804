import type { Config } from '../config/load.ts';
import { startAuditArchiveJob } from '../jobs/audit-archive.ts';
import { startBulkRunsJob } from '../jobs/bulk-runs.ts';
import { startClientsFileJob } from '../jobs/clients-file.ts';
import { startClientsJob } from '../jobs/clients.ts';
import { startExpiryJob } from '../jobs/expiry.ts';
import { startKeyRotationJob } from '../jobs/key-rotation.ts';
import { startOutboxDelivery } from '../jobs/outbox-delivery.ts';
import type { PeriodicJob } from '../jobs/periodic-job.ts';
import { startPurgeJob } from '../jobs/purge.ts';
import { startRetentionJob } from '../jobs/retention.ts';
import { createClientRevocation } from '../services/access/client-revocation.ts';
import { startStatisticsJob } from '../jobs/statistics.ts';
import { createAnswerCounting } from '../services/statistics/answer-counts.ts';
import { createAuditArchive } from '../services/audit/archive.ts';
import { createRetention } from '../services/personal-data/retention.ts';
import type { ClientsReload } from '../services/access/clients-reload.ts';
import type { ProviderKeys } from '../services/keys/key-ring.ts';
import type { Mailer } from '../services/notifications/mailer.ts';
import type { OutboxJob } from '../services/notifications/outbox.ts';
import { findClientState } from '../store/oidc/clients.ts';
import type { ProviderApp } from './provider-app.ts';
import type { Services } from './services.ts';

/** Time between two runs of a job, in milliseconds. Jobs that are left out use their own default. */
export interface JobIntervals {
  keys?: number;
  clientsFile?: number;
}

interface JobDeps {
  config: Config;
  services: Services;
  mailer: Mailer;
  clientsReload: ClientsReload;
  /** Returns the app that answers requests now. */
  currentApp: () => ProviderApp;
  useKeys: (keys: ProviderKeys) => void;
}

/** Starts the background jobs of a node. */
export function startJobs(deps: JobDeps, intervals: JobIntervals): PeriodicJob[] {
  const {
    store,
    clock,
    log,
    metrics,
    secrets,
    adulthood,
    affiliationExpiry,
    guardianships,
    access,
    keyRing,
    storedClients,
  } = deps.services;
  return [
    startDelivery(deps),
    startPurgeJob({ store, clock, log, metrics, secrets }),
    startRetentionJob({ retention: createRetention({ store, clock, settings: deps.services.settings }), log, metrics }),
    startClientsJob({ storedClients, clientRevocation: createClientRevocation({ store }), log, metrics }),
    ...startClientsFileJobs(deps, intervals),
    startExpiryJob({ ...deps.services, adulthood, affiliationExpiry, guardianships, access, log }),
    startBulkRunsJob({ bulkRuns: deps.services.console.bulkRuns, log, metrics }),
    startStatisticsJob({ ...deps.services, answerCounting: createAnswerCounting(deps.services) }),
    ...startAuditArchiveJobs(deps),
    startKeyRotationJob({
      keyRing,
      log,
      metrics,
      rotationDays: deps.config.keyRotationDays,
      pollMs: intervals.keys,
      inUse: () => deps.currentApp().keys.version,
      use: deps.useKeys,
    }),
  ];
}

/** The conformance profile checks its clients at the start only. */
function startClientsFileJobs({ config, services, clientsReload }: JobDeps, intervals: JobIntervals): PeriodicJob[] {
  if (config.profile === 'conformance') return [];
  return [startClientsFileJob({ ...services, clientsReload, pollMs: intervals.clientsFile })];
}

function startDelivery({ config, services, mailer, currentApp }: JobDeps): PeriodicJob {
  const { store, clock, log, metrics, outbox } = services;
  return startOutboxDelivery({
    store,
    clock,
    log,
    metrics,
    outbox,
    hostOf: (job) => deliveryHost(config, services, job),
    hasNoRecipient: async (tx, { clientId }) => {
      const client = services.clients.find(clientId);
      if (client !== undefined) return client.backchannel_logout_uri === undefined;
      // A disabled client may be enabled again.
      return (await findClientState(tx, clientId)) === undefined;
    },
    deliver: {
      mail: (job) => mailer.send(job),
      logout: ({ clientId, personId, sid }) => currentApp().oidc.sendLogout(clientId, personId, sid),
    },
  });
}

function deliveryHost({ mail }: Config, { clients }: Services, job: OutboxJob): string | undefined {
  const url = job.kind === 'mail' ? mail.smtpUrl : clients.find(job.clientId)?.backchannel_logout_uri;
  return url === undefined ? undefined : new URL(url).host;
}

function startAuditArchiveJobs({ config, services }: JobDeps): PeriodicJob[] {
  if (config.auditArchive === undefined) return [];
  const { store, clock, secrets, audit, log, metrics } = services;
  const archive = createAuditArchive({ store, clock, secrets, audit }, config.auditArchive);
  return [startAuditArchiveJob({ archive, log, metrics })];
}
