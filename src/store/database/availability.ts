import { setTimeout as sleep } from 'node:timers/promises';

import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { codeOf } from './errors.ts';
import type { Store } from './index.ts';

/** What the network says of a server that is not there, or not to be found. */
const NETWORK = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);
/** PostgreSQL that lost a connection, goes, starts or has none to give (manual, appendix A); SQLite that another process locks. */
const ENGINE = /^(08...|57P0[123]|53300|SQLITE_BUSY.*)$/;
/** `transaction_resolution_unknown`: a connection was lost at a bad moment, which does not say that there is no server. */
const UNKNOWN = '08007';
/** node-postgres gives this one no code. */
const NO_CONNECTION = 'timeout exceeded when trying to connect';
/** Who asks whether the node is ready waits so long for a trial, in milliseconds. */
const PROBE_TIMEOUT_MS = 500;

export interface MonitoredStore {
  /** The same store; where the database does not answer, it throws an `DatabaseUnavailableError`. */
  store: Store;
  /** Whether the database answers and, as far as is known, takes what is written. */
  isAvailable: () => Promise<boolean>;
}

/** Tells errors of a database that is away from all others, and remembers whether writing works. */
export function monitorAvailability(store: Store, log: Logger): MonitoredStore {
  let writable = true;
  const note = (now: boolean, error?: unknown): void => {
    if (now === writable) return;
    writable = now;
    if (now) log.info('the database takes writes again');
    else log.error({ code: codeOf(error) }, 'the database does not answer');
  };
  const watched: Store = {
    ...store,
    read: (fn) => store.read(fn).catch(throwUnavailable),
    write: async (fn) => {
      try {
        const value = await store.write(fn);
        note(true);
        return value;
      } catch (error) {
        if (isConnectionError(error) && codeOf(error) !== UNKNOWN) note(false, error);
        return throwUnavailable(error);
      }
    },
  };
  let trial: Promise<boolean> | undefined;
  // One at a time: a locked file is waited for much longer than anybody asks.
  const tryToWrite = (): Promise<boolean> =>
    (trial ??= succeeds(watched.write(() => Promise.resolve())).finally(() => {
      trial = undefined;
    }));
  return {
    store: watched,
    isAvailable: async () => {
      if (!(await succeeds(store.ping()))) return false;
      return writable || Promise.race([tryToWrite(), sleep(PROBE_TIMEOUT_MS, false, { ref: false })]);
    },
  };
}

function isConnectionError(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return NETWORK.has(code) || ENGINE.test(code) || (error instanceof Error && error.message.startsWith(NO_CONNECTION));
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
