import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { currentRequestIds } from '../../platform/request-id.ts';
import { insertMany } from '../../store/database/bulk-insert.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as outboxStore from '../../store/outbox.ts';

/** The ids of the request that enqueued a job, for the log line of a failed delivery. */
const requestIds = { requestId: z.string().optional(), signInId: z.string().optional() };

const mailPayload = z.object({
  kind: z.literal('mail'),
  to: z.string(),
  template: z.enum([
    'application-password-created',
    'email-confirmation',
    'email-in-use',
    'login-changed',
    'account-reminder',
    'application-decided',
    'binding-code',
    'binding-received',
    'binding-reminder',
    'first-password-closed',
    'guardianship-created',
    'guardianship-notice',
    'password-changed',
    'reset-link',
    'second-factor-changed',
    'second-factor-failed',
    'setup-link',
    'staff-action',
    'staff-task',
    'subject-request',
  ]),
  lang: z.string(),
  locals: z.record(z.string(), z.union([z.string(), z.number()])),
  /** The request of the recipient that caused the mail: ms since 1970, and the name of the device or empty. */
  request: z.object({ at: z.number(), device: z.string() }).optional(),
  ...requestIds,
});
const logoutPayload = z.object({
  kind: z.literal('backchannel_logout'),
  clientId: z.string(),
  personId: z.string(),
  sid: z.string().optional(),
  ...requestIds,
});
const payload = z.discriminatedUnion('kind', [mailPayload, logoutPayload]);

export type MailJob = z.infer<typeof mailPayload>;
export type LogoutJob = z.infer<typeof logoutPayload>;
export type OutboxJob = z.infer<typeof payload>;

/**
 * Mails and logout notices, stored in the transaction of their cause and delivered after its commit. An unavailable mail server or relying
 * party loses no job and blocks no request.
 */
export interface Outbox {
  /** @returns the id of the job */
  enqueue(tx: Transaction, job: OutboxJob): Promise<string>;
  /** Enqueues any number of jobs in a few statements. @returns their ids, in the order of the jobs */
  enqueueAll(tx: Transaction, jobs: readonly OutboxJob[]): Promise<string[]>;
  /** Deletes the mails to these addresses that are not delivered yet. @param exceptIds jobs that stay */
  deleteMailsTo(tx: Transaction, addresses: readonly string[], exceptIds: readonly string[]): Promise<void>;
  /** Opens the sealed job of a row. @throws {Error} if the row was changed or moved */
  open(row: { id: string; payload: string }): OutboxJob;
  /**
   * Waits until each job is delivered or has failed once, for about 1.5 seconds at most.
   *
   * @returns the ids of the delivered jobs
   */
  waitForDelivery(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Calls `listener` after each commit that has enqueued jobs in this process. */
  onEnqueued(listener: () => void): void;
}

/** Pauses between two reads of the outcomes, in milliseconds: a person waits, so about 1.5 seconds together. */
const DELIVERY_POLLS_MS = [25, 50, 75, 100, 150, 200, 250, 300, 350];

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
}

export function createOutbox({ store, clock, random, secrets }: Deps): Outbox {
  const events = new EventEmitter();
  const notifyListeners = (): void => {
    events.emit('due');
  };
  const macOf = (address: string): string => secrets.mac('outbox-recipient', address);
  const toRow = (job: OutboxJob): outboxStore.NewOutboxRow => {
    const id = random.uuid();
    const now = clock.now();
    const payload = secrets.seal('outbox', id, JSON.stringify({ ...job, ...currentRequestIds() }));
    const recipientMac = job.kind === 'mail' ? macOf(job.to) : null;
    return { id, kind: job.kind, payload, recipientMac, nextAt: now, createdAt: now };
  };
  return {
    enqueue: async (tx, job) => {
      const row = toRow(job);
      await outboxStore.insertJob(tx, row);
      tx.afterCommit(notifyListeners);
      return row.id;
    },
    enqueueAll: async (tx, jobs) => {
      const rows = jobs.map(toRow);
      if (rows.length === 0) return [];
      await insertMany(tx, tx.tables.outbox, rows);
      tx.afterCommit(notifyListeners);
      return rows.map(({ id }) => id);
    },
    deleteMailsTo: (tx, addresses, exceptIds) => outboxStore.deleteMailsTo(tx, addresses.map(macOf), exceptIds),
    open: (row) => payload.parse(JSON.parse(secrets.open('outbox', row.id, row.payload))),
    waitForDelivery: async (ids) => {
      if (ids.length === 0) return new Set();
      let rows = await store.read((tx) => outboxStore.listOutcomes(tx, ids));
      for (const waitMs of DELIVERY_POLLS_MS) {
        if (rows.every(({ doneAt, lastError }) => doneAt !== null || lastError !== null)) break;
        await sleep(waitMs);
        rows = await store.read((tx) => outboxStore.listOutcomes(tx, ids));
      }
      return new Set(rows.filter(({ doneAt }) => doneAt !== null).map(({ id }) => id));
    },
    onEnqueued: (listener) => events.on('due', listener),
  };
}
