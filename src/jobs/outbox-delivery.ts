import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/duration.ts';
import { runBestEffort } from '../platform/best-effort.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { toLogText } from '../platform/refusal.ts';
import type { LogoutJob, MailJob, Outbox, OutboxJob } from '../services/notifications/outbox.ts';
import type { Store, Transaction } from '../store/database/index.ts';
import * as outboxStore from '../store/outbox.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

const POLL_MS = 2 * SECOND_MS;
/** Lease of a claimed job, in ms: longer than any delivery. Another node retries the jobs of a crashed node afterwards. */
const LEASE_MS = MINUTE_MS;
const KINDS: readonly outboxStore.OutboxKind[] = ['mail', 'backchannel_logout'];
/** Concurrent deliveries of each kind. */
const MAX_CONCURRENT_DELIVERIES = 20;
const FIRST_RETRY_MS = 2 * SECOND_MS;
const MAX_RETRY_MS = HOUR_MS;
/**
 * Time in ms until a notice without a recipient is deleted. Nodes may read a changed clients file at different times, so another node may still
 * know the recipient.
 */
const RECIPIENT_GRACE_MS = 10 * MINUTE_MS;
/** Attempts until a job is dead-lettered: about a day and a half with these delays. */
const MAX_ATTEMPTS = 45;

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  outbox: Outbox;
  deliver: { mail(job: MailJob): Promise<void>; logout(job: LogoutJob): Promise<void> };
  /** Returns the host of the mail server or relying party for the log; `undefined` if the client is no longer registered. */
  hostOf(job: OutboxJob): string | undefined;
  /** Returns true if the client of a logout notice is no longer registered, or no longer has a logout URI. */
  hasNoRecipient(tx: Transaction, job: LogoutJob): Promise<boolean>;
}

/**
 * Starts the job that delivers mails and logout notices, and retries failures with increasing delays. Each kind has its own worker, so an
 * unresponsive mail server does not delay logout notices.
 */
export function startOutboxDelivery(deps: Deps): PeriodicJob {
  const workers = KINDS.map((kind) => startWorker(deps, kind));
  const wake = (): void => {
    for (const worker of workers) worker.wake();
  };
  deps.outbox.onEnqueued(wake);
  return {
    wake,
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** Starts a worker that keeps up to `MAX_CONCURRENT_DELIVERIES` deliveries in progress. */
function startWorker(deps: Deps, kind: outboxStore.OutboxKind): PeriodicJob {
  const { store, clock, log, metrics } = deps;
  const inProgress = new Set<Promise<void>>();
  let isFull = false;
  const start = (row: outboxStore.OutboxRow): void => {
    const delivery = deliverJob(deps, row)
      .catch((error: unknown) => {
        log.error({ err: error, job: row.id }, 'failed to record a delivery outcome');
      })
      .finally(() => {
        inProgress.delete(delivery);
        if (isFull) job.wake();
      });
    inProgress.add(delivery);
  };
  const job = startPeriodicJob(`outbox ${kind}`, POLL_MS, { log, metrics }, async () => {
    const capacity = MAX_CONCURRENT_DELIVERIES - inProgress.size;
    const rows =
      capacity > 0 ? await store.write((tx) => outboxStore.claimDue(tx, clock.now(), LEASE_MS, capacity, kind)) : [];
    isFull = rows.length === capacity;
    for (const row of rows) start(row);
    const counts = await store.read((tx) => outboxStore.countJobs(tx));
    metrics.outboxPending.set(counts.reduce((sum, { pending }) => sum + pending, 0));
    metrics.outboxDead.set(counts.reduce((sum, { dead }) => sum + dead, 0));
  });
  return {
    wake: () => {
      job.wake();
    },
    stop: async () => {
      await job.stop();
      await Promise.all(inProgress);
    },
  };
}

async function deliverJob(deps: Deps, row: outboxStore.OutboxRow): Promise<void> {
  const { store, clock, log, metrics } = deps;
  const count = (outcome: 'sent' | 'retry' | 'dead' | 'dropped'): void => {
    runBestEffort(deps, 'metrics', () => {
      metrics.outboxDeliveries.inc({ kind: row.kind, outcome });
    });
  };
  let job: OutboxJob | undefined;
  try {
    job = deps.outbox.open(row);
    await (job.kind === 'mail' ? deps.deliver.mail(job) : deps.deliver.logout(job));
    await store.write((tx) => outboxStore.markDelivered(tx, row.id, clock.now()));
    count('sent');
  } catch (error) {
    const failure = describeFailure(error);
    const reason = failure.code ?? failure.name;
    const target = job === undefined ? {} : { ...describeJob(job), host: deps.hostOf(job) };
    log.warn({ ...failure, ...target, job: row.id, kind: row.kind, attempts: row.attempts }, 'delivery failed');
    if (await dropWithoutRecipient(deps, row, job)) {
      count('dropped');
    } else if (row.attempts >= MAX_ATTEMPTS) {
      count('dead');
      await store.write((tx) => outboxStore.markDeadLettered(tx, row.id, clock.now(), reason));
    } else {
      count('retry');
      const next = clock.now() + retryDelayMs(row.attempts);
      await store.write((tx) => outboxStore.scheduleRetry(tx, row.id, next, reason));
    }
  }
}

/** Deletes a logout notice that has had no recipient for a while. @returns false if it stays */
async function dropWithoutRecipient(
  deps: Deps,
  row: outboxStore.OutboxRow,
  job: OutboxJob | undefined,
): Promise<boolean> {
  if (job?.kind !== 'backchannel_logout' || deps.clock.now() < row.createdAt + RECIPIENT_GRACE_MS) return false;
  return deps.store.write(async (tx) => {
    const isDropped = await deps.hasNoRecipient(tx, job);
    if (isDropped) await outboxStore.deleteJob(tx, row.id);
    return isDropped;
  });
}

/** Returns the loggable fields of a job: no address of a person, no link, no token. */
function describeJob(
  job: OutboxJob,
): Pick<OutboxJob, 'requestId' | 'signInId'> & Partial<Record<'clientId' | 'template', string>> {
  const { requestId, signInId } = job;
  return { requestId, signInId, ...(job.kind === 'mail' ? { template: job.template } : { clientId: job.clientId }) };
}

const failureShape = z.object({
  name: z.string().catch('unknown'),
  /** `ECONNREFUSED`, `EENVELOPE`. */
  code: z.string().optional().catch(undefined),
  /** Reply code of the SMTP server. */
  responseCode: z.number().optional().catch(undefined),
  /** Response of the relying party, or of the SMTP server. */
  response: z
    .union([z.object({ status: z.number() }), z.string()])
    .optional()
    .catch(undefined),
  message: z.string().catch(''),
  cause: z.unknown().optional(),
});

interface Failure {
  name: string;
  code: string | undefined;
  responseCode: number | undefined;
  /** The HTTP status. */
  status: number | undefined;
  /** What failed before there was a response: DNS, connection, TLS. Of an SMTP response, only its status code (RFC 3463). */
  reason?: string | undefined;
}

/** Returns the loggable fields of an error. Omits the text of responses: mail servers quote the address of the person in it. */
function describeFailure(error: unknown): Failure {
  const parsed = failureShape.safeParse(error);
  if (!parsed.success) return { name: 'unknown', code: undefined, responseCode: undefined, status: undefined };
  const { name, responseCode, response } = parsed.data;
  const common = { name, code: findCode(parsed.data), responseCode };
  if (typeof response === 'object') return { ...common, status: response.status };
  const reason = response === undefined ? innermostMessage(parsed.data) : ENHANCED_STATUS.exec(response)?.[0];
  return { ...common, status: undefined, reason: reason === undefined ? undefined : toLogText(reason) };
}

/** The enhanced status code of an SMTP response: `5.1.1` (RFC 3463, section 2). */
const ENHANCED_STATUS = /\b[245]\.\d{1,3}\.\d{1,3}\b/;

function innermostMessage({ message, cause }: z.infer<typeof failureShape>): string {
  const inner = failureShape.safeParse(cause);
  return inner.success ? innermostMessage(inner.data) : message;
}

/** Message of oidc-provider's error for a host with a private address; the error has no code. */
const PRIVATE_ADDRESS = 'hostname resolves to a special-use IP address';

/** Finds the first code in an error and its causes: `fetch` puts connection errors into the cause. */
function findCode({ code, message, cause }: z.infer<typeof failureShape>): string | undefined {
  if (code !== undefined) return code;
  if (message === PRIVATE_ADDRESS) return 'PRIVATE_ADDRESS';
  const inner = failureShape.safeParse(cause);
  return inner.success ? findCode(inner.data) : undefined;
}

/**
 * Returns the delay before the next attempt, in ms.
 *
 * @param attempts made so far, from 1
 */
export function retryDelayMs(attempts: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
}
