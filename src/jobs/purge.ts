import type { Clock } from '../domain/clock.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/duration.ts';
import type { Secrets } from '../platform/crypto/secrets.ts';
import { createAppend, type Audit } from '../services/audit/audit.ts';
import { purgeCounters } from '../services/authentication/refusal-counters.ts';
import * as credentials from '../store/auth/credentials.ts';
import { purgeChallenges } from '../store/auth/used-challenges.ts';
import { purgeObsoleteEntries, stopOldImports } from '../store/binding/register.ts';
import { purgeStaffRequests } from '../store/console/staff-requests.ts';
import * as sessions from '../store/auth/sessions.ts';
import type { Store, Transaction } from '../store/database/index.ts';
import { purgePendingContacts } from '../store/people/contacts.ts';
import * as grants from '../store/oidc/grants.ts';
import { listModels, purgeAnonymousSessions, purgeExpired } from '../store/oidc/record-purge.ts';
import * as outboxStore from '../store/outbox.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

const BATCH_SIZE = 1_000;

/**
 * Retention of expired records by model, in milliseconds; other models are deleted at once. The expiry of a used assertion or proof already
 * includes the clock tolerance (domain/proof-times.ts).
 */
const RETENTION_MS: Readonly<Record<string, number>> = {
  // expiry.ts notifies its relying parties after the expiry.
  Session: DAY_MS,
  // A device that still polls gets `expired_token` (RFC 8628, section 3.5), and the person sees that the code has expired.
  DeviceCode: 10 * MINUTE_MS,
};

/**
 * Anonymous sessions that expired within this time are deleted early, in ms: they have no relying parties. Older ones, missed while the
 * service was stopped, are deleted a day later with the others.
 */
const ANONYMOUS_SESSION_RANGE_MS = 10 * MINUTE_MS;

/**
 * Retention of ended sessions, in ms. The row stops requests in progress, which last at most minutes, from restoring the session. An
 * interaction reads it to keep "remember me", and lasts an hour (oidc/options/ttl.ts). A missing row counts as ended.
 */
const ENDED_SESSION_MS = HOUR_MS;

/** Retention of delivered jobs after their creation, in ms. Sign-out reads their outcome for seconds. Their payload is erased. */
const DELIVERED_JOB_MS = DAY_MS;
/** Retention of dead jobs after their creation, in ms: an operator can send them again. */
const DEAD_JOB_MS = 7 * DAY_MS;

type Append = Audit['append'];
/** Deletes a batch of expired rows. @returns the number of deleted rows */
type Purge = (tx: Transaction, now: number, append: Append) => Promise<number>;

interface PurgeDeps {
  store: Store;
  clock: Clock;
  append: Append;
}

async function purgeAll({ store, clock, append }: PurgeDeps, list: readonly Purge[]): Promise<void> {
  for (const purge of list) {
    let count: number;
    do count = await store.write((tx) => purge(tx, clock.now(), append));
    while (count >= BATCH_SIZE);
  }
}

/** Deletes expired records; unauthenticated requests can create them. */
async function purgeRecords(deps: PurgeDeps): Promise<void> {
  const models = await deps.store.read((tx) => listModels(tx));
  await purgeAll(deps, [
    ...models.map<Purge>((model) => (tx, now) => purgeExpired(tx, model, now - (RETENTION_MS[model] ?? 0), BATCH_SIZE)),
    (tx, now) => purgeAnonymousSessions(tx, now - ANONYMOUS_SESSION_RANGE_MS, now, BATCH_SIZE),
  ]);
}

/** Deletes entries of imports that were replaced, or that started before `before` (ms) and were killed. */
async function purgeRegister(tx: Transaction, before: number): Promise<number> {
  await stopOldImports(tx, before);
  return (await purgeObsoleteEntries(tx, BATCH_SIZE)) ? BATCH_SIZE : 0;
}

const purges: readonly Purge[] = [
  (tx, now) => sessions.purgeSessions(tx, now - ENDED_SESSION_MS, BATCH_SIZE),
  (tx, now) => grants.purgeGrants(tx, now, BATCH_SIZE),
  (tx, now) => credentials.purgeResetLinks(tx, now),
  (tx, now) => purgePendingContacts(tx, now),
  (tx, now) => purgeChallenges(tx, now, BATCH_SIZE),
  // The history of requests stays for a year. The audit log keeps who did what.
  (tx, now) => purgeStaffRequests(tx, now - 365 * DAY_MS, BATCH_SIZE),
  // Failures count for a month after the last one.
  (tx, now, append) => purgeCounters(tx, append, now - 30 * DAY_MS, BATCH_SIZE),
  (tx, now) => purgeRegister(tx, now - DAY_MS),
  (tx, now) => outboxStore.purgeOutbox(tx, { delivered: now - DELIVERED_JOB_MS, dead: now - DEAD_JOB_MS }, BATCH_SIZE),
];

interface Deps extends JobDeps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
}

/** Starts the jobs that delete expired rows: provider records every minute, others every ten minutes. */
export function startPurgeJob({ store, clock, log, metrics, secrets }: Deps): PeriodicJob {
  const purgeDeps = { store, clock, append: createAppend({ clock, secrets }) };
  const jobs = [
    startPeriodicJob('purge records', MINUTE_MS, { log, metrics }, () => purgeRecords(purgeDeps)),
    startPeriodicJob('purge', 10 * MINUTE_MS, { log, metrics }, () => purgeAll(purgeDeps, purges)),
  ];
  return {
    wake: () => {
      for (const job of jobs) job.wake();
    },
    stop: async () => {
      await Promise.all(jobs.map((job) => job.stop()));
    },
  };
}
