import type { Clock } from '../domain/clock.ts';
import { DAY_MS, MINUTE_MS } from '../domain/duration.ts';
import type { Secrets } from '../platform/crypto/secrets.ts';
import type { Logger } from '../platform/logger.ts';
import { createAppend, type Audit } from '../services/audit/audit.ts';
import { purgeCounters } from '../services/authentication/refusal-counters.ts';
import * as credentials from '../store/auth/credentials.ts';
import * as sessions from '../store/auth/sessions.ts';
import type { Store, Transaction } from '../store/database/index.ts';
import * as grants from '../store/oidc/grants.ts';
import { listModels, purgeAnonymousSessions, purgeExpired } from '../store/oidc/record-purge.ts';
import * as outboxStore from '../store/outbox.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

const BATCH_SIZE = 1_000;

/**
 * How long records are kept after they have expired, in milliseconds; the others are deleted at once. The time of a used assertion or
 * proof includes the tolerances already (domain/proof-times.ts).
 */
const GRACE_MS: Readonly<Record<string, number>> = {
  // Its relying parties are notified after it has expired (expiry.ts).
  Session: DAY_MS,
  // A device that polls on is told `expired_token` (RFC 8628, section 3.5), and the person that the code has expired.
  DeviceCode: 10 * MINUTE_MS,
};

/** Sessions without a person have no relying parties. What a stopped service has missed goes with the others, a day later. */
const ANONYMOUS_SESSION_RANGE_MS = 10 * MINUTE_MS;

type Append = Audit['append'];
/** Deletes a batch of rows that are not needed any more. @returns how many */
type Purge = (tx: Transaction, now: number, append: Append) => Promise<number>;

interface Tools {
  store: Store;
  clock: Clock;
  append: Append;
}

async function purgeAll({ store, clock, append }: Tools, list: readonly Purge[]): Promise<void> {
  for (const purge of list) {
    let count: number;
    do count = await store.write((tx) => purge(tx, clock.now(), append));
    while (count >= BATCH_SIZE);
  }
}

/** Deletes expired records, which requests without a sign-in can store. */
async function purgeRecords(tools: Tools): Promise<void> {
  const models = await tools.store.read((tx) => listModels(tx));
  await purgeAll(tools, [
    ...models.map<Purge>((model) => (tx, now) => purgeExpired(tx, model, now - (GRACE_MS[model] ?? 0), BATCH_SIZE)),
    (tx, now) => purgeAnonymousSessions(tx, now - ANONYMOUS_SESSION_RANGE_MS, now, BATCH_SIZE),
  ]);
}

const purges: readonly Purge[] = [
  (tx, now) => sessions.purgeSessions(tx, now, BATCH_SIZE),
  (tx, now) => grants.purgeGrants(tx, now, BATCH_SIZE),
  (tx, now) => credentials.purgeResetLinks(tx, now),
  // Failures in a row are remembered for a month after the last one.
  (tx, now, append) => purgeCounters(tx, append, now - 30 * DAY_MS, BATCH_SIZE),
  // What was delivered stays a week for the operator to look at.
  (tx, now) => outboxStore.purgeOutbox(tx, now - 7 * DAY_MS, BATCH_SIZE),
];

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  secrets: Secrets;
}

/** Keeps the tables as small as what is alive: records of the provider each minute, the rest every ten. */
export function startPurgeJob({ store, clock, log, secrets }: Deps): PeriodicJob {
  const tools = { store, clock, append: createAppend({ clock, secrets }) };
  const loops = [
    startPeriodicJob('purge records', MINUTE_MS, log, () => purgeRecords(tools)),
    startPeriodicJob('purge', 10 * MINUTE_MS, log, () => purgeAll(tools, purges)),
  ];
  return {
    wake: () => {
      for (const loop of loops) loop.wake();
    },
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
