import type { Clock } from '../../domain/clock.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as deadJobs from '../../store/console/dead-letters.ts';
import type { OutboxKind, OutboxRow } from '../../store/outbox.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';

export type { DeadLetterCursor } from '../../store/console/dead-letters.ts';

/** Jobs on one page. */
const PAGE_SIZE = 50;
/** Jobs that "send all again" changes in one transaction; the page says how many remain. */
export const MAX_RETRIED_JOBS = 1_000;

export interface DeadLetter {
  id: string;
  kind: OutboxKind;
  /** The masked address, or the id of the relying party; undefined if the job cannot be opened. */
  recipient: string | undefined;
  /** A code without personal data. */
  lastError: string;
  attempts: number;
  deadAt: number;
}

export const DEAD_LETTER_ACTIONS = ['retry', 'retry-all', 'drop'] as const;
export type DeadLetterAction = (typeof DEAD_LETTER_ACTIONS)[number];

/** `gone`: the job is no longer dead; another administrator retried or dropped it, or it was purged. */
type DeadLetterResult = { kind: 'done'; count: number } | { kind: 'gone' } | { kind: 'denied' };

/** Mails and logout notices that were given up. */
export interface DeadLetters {
  list(
    after: deadJobs.DeadLetterCursor | undefined,
  ): Promise<{ letters: DeadLetter[]; next: deadJobs.DeadLetterCursor | undefined }>;
  find(id: string): Promise<DeadLetter | undefined>;
  /** @param id of the job; not used to retry all */
  perform(write: BureauWrite, action: DeadLetterAction, id: string): Promise<DeadLetterResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  outbox: Pick<Outbox, 'open'>;
  authorization: Pick<Authorization, 'findActorIn'>;
}

export function createDeadLetters(deps: Deps): DeadLetters {
  const { store, authorization } = deps;
  const view = (row: OutboxRow): DeadLetter => ({
    id: row.id,
    kind: row.kind,
    recipient: recipientOf(deps, row),
    lastError: row.lastError ?? '',
    attempts: row.attempts,
    deadAt: row.deadAt ?? 0,
  });
  return {
    list: async (after) => {
      const rows = await store.read((tx) => deadJobs.listDeadJobs(tx, after, PAGE_SIZE + 1));
      const letters = rows.slice(0, PAGE_SIZE).map(view);
      return { letters, next: rows.length > PAGE_SIZE ? letters.at(-1) : undefined };
    },
    find: async (id) => {
      const row = await store.read((tx) => deadJobs.findDeadJob(tx, id));
      return row && view(row);
    },
    perform: (write, action, id) =>
      store.write(async (tx) => {
        if (!(await isBureauActor(tx, authorization, write.actorId))) return { kind: 'denied' };
        const count = await apply(deps, tx, action, id);
        if (count === 0) return { kind: 'gone' };
        const { actorId, address, reason } = write;
        await deps.audit.append(tx, {
          event: action === 'drop' ? 'outbox.dropped' : 'outbox.retried',
          outcome: 'ok',
          actorId,
          address,
          detail: { capacity: 'bureau_admin', reason, count, job: action === 'retry-all' ? '' : id },
        });
        return { kind: 'done', count };
      }),
  };
}

async function apply({ clock }: Deps, tx: Transaction, action: DeadLetterAction, id: string): Promise<number> {
  switch (action) {
    case 'retry':
      return deadJobs.reviveDeadJobs(tx, [id], clock.now());
    case 'retry-all':
      return deadJobs.reviveDeadJobs(tx, await deadJobs.lockDeadJobs(tx, MAX_RETRIED_JOBS), clock.now());
    case 'drop':
      return (await deadJobs.deleteDeadJob(tx, id)) ? 1 : 0;
  }
}

function recipientOf({ outbox }: Deps, row: OutboxRow): string | undefined {
  try {
    const job = outbox.open(row);
    return job.kind === 'mail' ? maskLogin(job.to) : job.clientId;
  } catch {
    // A job that was changed by hand, or has a template of an older release, can still be dropped.
    return undefined;
  }
}
