import type { Clock } from '../domain/clock.ts';
import * as auditStore from '../store/audit.ts';
import type { Store, Unit } from '../store/database/index.ts';
import { UnavailableError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { Secrets } from './secrets.ts';

export interface AuditEvent {
  /** What happened, as `noun.verb`: `sign_in.refused`, `password.changed`. */
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
  append(u: Unit, event: AuditEvent): Promise<void>;
  /**
   * Beside the work: when the record can not be written, that is logged and counted, and the work goes on.
   *
   * @param event a function is called after the work, and returns undefined if nothing is to be recorded
   * @param work a unit whose record this is: the two share one commit, and the work is done alone when the record fails
   * @throws what the work throws
   */
  record(event: AuditEvent | (() => AuditEvent | undefined), work?: (u: Unit) => Promise<unknown>): Promise<void>;
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
  return async (u, event) => {
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
    await auditStore.append(u, entry, seal);
  };
}

export function createAudit({ store, log, metrics, ...deps }: Deps): Audit {
  const append = createAppend(deps);
  return {
    append,
    record: async (event, work) => {
      const done = { work: false, record: false };
      const describe = typeof event === 'function' ? event : (): AuditEvent => event;
      try {
        await store.write(async (u) => {
          // From the start: after a deadlock the unit is run again.
          done.work = done.record = false;
          await work?.(u);
          done.work = true;
          const entry = describe();
          if (entry !== undefined) await append(u, entry);
          done.record = true;
        });
      } catch (error) {
        // A commit that failed may have happened nevertheless: to do the work again could do it twice. And who is away is away for it too.
        if (work !== undefined && (!done.work || done.record || error instanceof UnavailableError)) throw error;
        metrics.sideEffectFailures.inc({ kind: 'audit' });
        log.error({ err: error, event: describe()?.event }, 'audit row lost');
        if (work !== undefined) await store.write(work);
      }
    },
  };
}
