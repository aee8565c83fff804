import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { currentRequestIds } from '../../platform/request-id.ts';
import * as auditStore from '../../store/audit.ts';
import type { Store, Transaction } from '../../store/database/index.ts';

export interface AuditEvent {
  /** The event as `noun.verb`: `sign_in.failed`, `password.changed`. */
  event: string;
  outcome: 'ok' | 'refused';
  /** The person who acted; absent for unauthenticated requests. */
  actorId?: string | undefined;
  /** The person whom the event concerns. */
  subjectId?: string | undefined;
  clientId?: string | undefined;
  /** Network address of the browser. */
  address?: string | undefined;
  detail?: Record<string, string | number | boolean>;
}

export interface Audit {
  /** Appends an entry in the transaction of the change, so both commit or neither. */
  append(tx: Transaction, event: AuditEvent): Promise<void>;
  /**
   * Records an event. A failure to write the entry is logged and counted, and does not fail the request.
   *
   * @param work commits together with the entry; commits alone if the entry cannot be written
   * @throws the error of `work`
   */
  record(event: AuditEvent, work?: (tx: Transaction) => Promise<unknown>): Promise<void>;
  /**
   * Runs `work` and records the events that it returns, as `record` does.
   *
   * @returns the result of `work`
   */
  recordResult<T>(work: (tx: Transaction) => Promise<RecordedResult<T>>): Promise<T>;
}

interface RecordedResult<T> {
  result: T;
  events: readonly AuditEvent[];
}

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  secrets: Secrets;
  /** Called after the commit of each entry. */
  onCommitted?: (event: AuditEvent) => void;
}

/** Creates the seal of the log's head: write access to the database alone cannot truncate the log. */
export function createHeadSeal(secrets: Pick<Secrets, 'mac'>): auditStore.HeadSeal {
  return ({ seq, hash }) => secrets.mac('audit-head', `${String(seq)}\n${hash}`);
}

/** Creates the seal of the last archived entry. It differs from the head's: with a head's seal, rows outside of archives could be deleted. */
export function createArchiveSeal(secrets: Pick<Secrets, 'mac'>): auditStore.HeadSeal {
  return ({ seq, hash }) => secrets.mac('audit-archive', `${String(seq)}\n${hash}`);
}

/** Creates `append` alone, for commands and jobs that need nothing else. */
export function createAppend({
  clock,
  secrets,
  onCommitted,
}: Pick<Deps, 'clock' | 'secrets' | 'onCommitted'>): Audit['append'] {
  const seal = createHeadSeal(secrets);
  return async (tx, event) => {
    const entry = {
      at: clock.now(),
      event: event.event,
      outcome: event.outcome,
      actorId: event.actorId ?? null,
      subjectId: event.subjectId ?? null,
      clientId: event.clientId ?? null,
      address: event.address ?? null,
      detail: { ...event.detail, ...currentRequestIds() },
    };
    await auditStore.appendEntry(tx, entry, seal);
    if (onCommitted !== undefined) {
      tx.afterCommit(() => {
        onCommitted(event);
      });
    }
  };
}

export function createAudit({ store, log, metrics, ...deps }: Deps): Audit {
  const append = createAppend(deps);
  const reportFailure = (error: unknown, event: string): void => {
    metrics.bestEffortFailures.inc({ kind: 'audit' });
    log.error({ err: error, event }, 'failed to write audit entry');
  };
  const recordResult: Audit['recordResult'] = async (work) => {
    // Not an error class around the append: the store retries deadlocks and reports outages by the code of the original error.
    let unrecorded: readonly AuditEvent[] | undefined;
    try {
      return await store.write(async (tx) => {
        unrecorded = undefined;
        const { result, events } = await work(tx);
        try {
          for (const event of events) await append(tx, event);
        } catch (error) {
          unrecorded = events;
          throw error;
        }
        return result;
      });
    } catch (error) {
      // A failed commit may still have happened, so only a failed append repeats the work. An unavailable database would fail again.
      if (unrecorded === undefined || error instanceof DatabaseUnavailableError) throw error;
      for (const { event } of unrecorded) reportFailure(error, event);
      return (await store.write(work)).result;
    }
  };
  return {
    append,
    recordResult,
    record: async (event, work) => {
      if (work !== undefined) {
        await recordResult(async (tx) => ({ result: await work(tx), events: [event] }));
        return;
      }
      await store
        .write((tx) => append(tx, event))
        .catch((error: unknown) => {
          reportFailure(error, event.event);
        });
    },
  };
}
