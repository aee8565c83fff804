import { setTimeout as sleep } from 'node:timers/promises';

import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { codeOf } from './errors.ts';
import type { Store } from './index.ts';
import { COMMIT_OUTCOME_UNKNOWN, LOST_CONNECTION_CODES } from './postgres/connection-errors.ts';

/** System errors of a server that cannot be reached. No request waits for it, unlike after `LOST_CONNECTION_CODES`. */
const UNREACHABLE_CODES = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
/** Connection errors and too many connections (PostgreSQL manual, appendix A), and a SQLite file that another process locks. */
const ENGINE_CODES = /^(08...|53300|SQLITE_BUSY.*)$/;
/** node-postgres gives this error no code. */
const CONNECT_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';
/** Wait of a readiness probe for a trial write, in milliseconds. */
const PROBE_TIMEOUT_MS = 500;

export interface MonitoredStore {
  /** The same store. It throws a `DatabaseUnavailableError` while the database does not answer. */
  store: Store;
  /** Returns true if the database answers and the last write, or a trial write now, did not fail. */
  isAvailable: () => Promise<boolean>;
}

/** Turns errors of an unavailable database into `DatabaseUnavailableError`, and remembers whether writing works. */
export function monitorAvailability(store: Store, log: Logger): MonitoredStore {
  let isWritable = true;
  const setWritable = (canWrite: boolean, error?: unknown): void => {
    if (canWrite === isWritable) return;
    isWritable = canWrite;
    if (canWrite) log.info('the database takes writes again');
    else log.error({ code: codeOf(error) }, 'the database does not answer');
  };
  const monitored: Store = {
    ...store,
    read: (fn) => store.read(fn).catch(throwUnavailable),
    write: async (fn) => {
      try {
        const value = await store.write(fn);
        setWritable(true);
        return value;
      } catch (error) {
        // A connection that was lost during COMMIT does not show that the server is gone.
        if (isConnectionError(error) && codeOf(error) !== COMMIT_OUTCOME_UNKNOWN) setWritable(false, error);
        return throwUnavailable(error);
      }
    },
  };
  let trial: Promise<boolean> | undefined;
  // One at a time: a write waits for a locked file much longer than a probe.
  const tryToWrite = (): Promise<boolean> =>
    (trial ??= succeeds(monitored.write(() => Promise.resolve())).finally(() => {
      trial = undefined;
    }));
  return {
    store: monitored,
    isAvailable: async () => {
      if (!(await succeeds(store.ping()))) return false;
      return isWritable || Promise.race([tryToWrite(), sleep(PROBE_TIMEOUT_MS, false, { ref: false })]);
    },
  };
}

function isConnectionError(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return (
    LOST_CONNECTION_CODES.has(code) ||
    UNREACHABLE_CODES.has(code) ||
    ENGINE_CODES.test(code) ||
    (error instanceof Error && error.message.startsWith(CONNECT_TIMEOUT_MESSAGE))
  );
}

function throwUnavailable(error: unknown): never {
  throw isConnectionError(error) ? new DatabaseUnavailableError(error) : error;
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
