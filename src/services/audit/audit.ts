import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import * as auditStore from '../../store/audit.ts';
import type { Store, Transaction } from '../../store/database/index.ts';

export interface AuditEvent {
  /** What happened, as `noun.verb`: `sign_in.failed`, `password.changed`. */
  event: string;
  outcome: 'ok' | 'refused';
  /** Who did it; absent while nobody is signed in. */
  actorId?: string | undefined;
  /** To whom. */
  subjectId?: string | undefined;
  clientId?: string | undefined;
  /** From where: the network address of the browser. */
  address?: string | undefined;
  detail?: Record<string, string | number | boolean>;
}

export interface Audit {
  /** Inside a unit of work: the change and its record stand or fall together. */
  append(tx: Transaction, event: AuditEvent): Promise<void>;
  /**
   * Beside the work: when the record can not be written, that is logged and counted, and the work goes on.
   *
   * @param event a function is called after the work, and returns undefined if nothing is to be recorded
   * @param work a unit whose record this is: the two share one commit, and the work is done alone when the record fails
   * @throws what the work throws
   */
  record(event: AuditEvent, work?: (tx: Transaction) => Promise<unknown>): Promise<void>;
  /**
   * The same for work that decides what is recorded, if anything.
   *
   * @returns the result of the work
   */
  recordResult<T>(work: (tx: Transaction) => Promise<RecordedResult<T>>): Promise<T>;
}

export interface RecordedResult<T> {
  result: T;
  events: readonly AuditEvent[];
}

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  secrets: Secrets;
}

/** What seals the head of the log: who can write to the database alone can not make the log end somewhere else. */
export function createHeadSeal(secrets: Pick<Secrets, 'mac'>): auditStore.HeadSeal {
  return ({ seq, hash }) => secrets.mac('audit-head', `${String(seq)}\n${hash}`);
}

/** The seal of the last archived entry. Not that of a head: a head would let rows be deleted that are in no archive. */
export function createArchiveSeal(secrets: Pick<Secrets, 'mac'>): auditStore.HeadSeal {
  return ({ seq, hash }) => secrets.mac('audit-archive', `${String(seq)}\n${hash}`);
}

/** `append` alone, for commands that do nothing beside it. */
export function createAppend({ clock, secrets }: Pick<Deps, 'clock' | 'secrets'>): Audit['append'] {
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
      detail: event.detail ?? {},
    };
    await auditStore.appendEntry(tx, entry, seal);
  };
}

export function createAudit({ store, log, metrics, ...deps }: Deps): Audit {
  const append = createAppend(deps);
  const reportLost = (error: unknown, event: string): void => {
    metrics.bestEffortFailures.inc({ kind: 'audit' });
    log.error({ err: error, event }, 'audit row lost');
  };
  const recordResult: Audit['recordResult'] = async (work) => {
    const done: { events?: readonly AuditEvent[] | undefined; record: boolean } = { record: false };
    try {
      return await store.write(async (tx) => {
        // From the start: after a deadlock the unit is run again.
        Object.assign(done, { events: undefined, record: false });
        const { result, events } = await work(tx);
        done.events = events;
        for (const event of events) await append(tx, event);
        done.record = true;
        return result;
      });
    } catch (error) {
      // A commit that failed may have happened nevertheless: to do the work again could do it twice. An unavailable database fails again.
      if (done.events === undefined || done.record || error instanceof DatabaseUnavailableError) throw error;
      for (const { event } of done.events) reportLost(error, event);
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
          reportLost(error, event.event);
        });
    },
  };
}
