import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { HOUR_MS } from '../domain/duration.ts';
import { runBestEffort } from '../platform/best-effort.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { LogoutJob, MailJob, Outbox, OutboxJob } from '../services/notifications/outbox.ts';
import type { Store } from '../store/database/index.ts';
import * as outboxStore from '../store/outbox.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

const POLL_MS = 2_000;
/** Longer than any delivery takes; a node that dies meanwhile loses nothing. */
const LEASE_MS = 60_000;
const KINDS: readonly outboxStore.OutboxKind[] = ['mail', 'backchannel_logout'];
/** Of each kind. */
const MAX_CONCURRENT_DELIVERIES = 20;
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = HOUR_MS;
/** With these pauses about a day and a half. */
const MAX_ATTEMPTS = 45;

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  outbox: Outbox;
  deliver: { mail(job: MailJob): Promise<void>; logout(job: LogoutJob): Promise<void> };
  /** The mail server, or the relying party; undefined when it is not registered any more. For the log. */
  hostOf(job: OutboxJob): string | undefined;
}

/**
 * Delivers what waits: mails and logout notices. Failures are tried again with growing pauses, and given up at last. Each kind has
 * places of its own: a mail server that says nothing keeps no relying party waiting.
 */
export function startOutboxDelivery(deps: Deps): PeriodicJob {
  const lanes = KINDS.map((kind) => startWorker(deps, kind));
  const wake = (): void => {
    for (const lane of lanes) lane.wake();
  };
  deps.outbox.onEnqueued(wake);
  return {
    wake,
    stop: async () => {
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
  };
}

/** So many deliveries at once; the next one begins when one of them ends, whatever the others do. */
function startWorker(deps: Deps, kind: outboxStore.OutboxKind): PeriodicJob {
  const { store, clock, log, metrics } = deps;
  const underWay = new Set<Promise<void>>();
  let full = false;
  const begin = (row: outboxStore.OutboxRow): void => {
    const delivery = deliverJob(deps, row)
      .catch((error: unknown) => {
        log.error({ err: error, job: row.id }, 'the outcome of a delivery could not be written down');
      })
      .finally(() => {
        underWay.delete(delivery);
        if (full) loop.wake();
      });
    underWay.add(delivery);
  };
  const loop = startPeriodicJob(`outbox ${kind}`, POLL_MS, log, async () => {
    const room = MAX_CONCURRENT_DELIVERIES - underWay.size;
    const rows = room > 0 ? await store.write((tx) => outboxStore.claimDue(tx, clock.now(), LEASE_MS, room, kind)) : [];
    full = rows.length === room;
    for (const row of rows) begin(row);
    const counts = await store.read((tx) => outboxStore.countJobs(tx));
    metrics.outboxPending.set(counts.reduce((sum, { pending }) => sum + pending, 0));
  });
  return {
    wake: () => {
      loop.wake();
    },
    stop: async () => {
      await loop.stop();
      await Promise.all(underWay);
    },
  };
}

async function deliverJob(deps: Deps, row: outboxStore.OutboxRow): Promise<void> {
  const { store, clock, log, metrics } = deps;
  const count = (outcome: 'sent' | 'retry' | 'dead'): void => {
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
    if (row.attempts >= MAX_ATTEMPTS) {
      count('dead');
      await store.write((tx) => outboxStore.markDeadLettered(tx, row.id, clock.now(), reason));
    } else {
      count('retry');
      const next = clock.now() + retryDelayMs(row.attempts);
      await store.write((tx) => outboxStore.scheduleRetry(tx, row.id, next, reason));
    }
  }
}

/** The part of a job that may be logged: no address of a person, no link, no token. */
function describeJob(job: OutboxJob): { clientId: string } | { template: string } {
  return job.kind === 'mail' ? { template: job.template } : { clientId: job.clientId };
}

const failureShape = z.object({
  name: z.string().catch('unknown'),
  /** `ECONNREFUSED`, `EENVELOPE`. */
  code: z.string().optional().catch(undefined),
  /** Of the SMTP server. */
  responseCode: z.number().optional().catch(undefined),
  /** Of the relying party. */
  response: z
    .object({ status: z.number() })
    .transform(({ status }) => status)
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
}

/** The part of an error that may be logged. Its message stays inside: mail servers quote the address of the person in it. */
function describeFailure(error: unknown): Failure {
  const parsed = failureShape.safeParse(error);
  if (!parsed.success) return { name: 'unknown', code: undefined, responseCode: undefined, status: undefined };
  const { name, responseCode, response: status } = parsed.data;
  return { name, code: codeIn(parsed.data), responseCode, status };
}

/** The message of the provider's error for a host on a private address; it has no code. */
const PRIVATE_ADDRESS = 'hostname resolves to a special-use IP address';

/** The first code in an error and its causes: `fetch` hides the code of a connection in the cause. */
function codeIn({ code, message, cause }: z.infer<typeof failureShape>): string | undefined {
  if (code !== undefined) return code;
  if (message === PRIVATE_ADDRESS) return 'PRIVATE_ADDRESS';
  const inner = failureShape.safeParse(cause);
  return inner.success ? codeIn(inner.data) : undefined;
}

/** @param attempts made so far, from 1 @returns milliseconds */
export function retryDelayMs(attempts: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
}
