import { setTimeout as sleep } from 'node:timers/promises';

import { UnavailableError } from '../../platform/errors.ts';
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
const TRIAL_MS = 500;

export interface Watched {
  /** The same store; where the database does not answer, it throws an `UnavailableError`. */
  store: Store;
  /** Whether the database answers and, as far as is known, takes what is written. */
  available: () => Promise<boolean>;
}

/** Tells errors of a database that is away from all others, and remembers whether writing works. */
export function watchStore(store: Store, log: Logger): Watched {
  let writable = true;
  const note = (now: boolean, error?: unknown): void => {
    if (now === writable) return;
    writable = now;
    if (now) log.info('the database takes writes again');
    else log.error({ code: codeOf(error) }, 'the database does not answer');
  };
  const watched: Store = {
    ...store,
    read: (fn) => store.read(fn).catch(sayUnavailable),
    write: async (fn) => {
      try {
        const value = await store.write(fn);
        note(true);
        return value;
      } catch (error) {
        if (isAway(error) && codeOf(error) !== UNKNOWN) note(false, error);
        return sayUnavailable(error);
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
    available: async () => {
      if (!(await succeeds(store.ping()))) return false;
      return writable || Promise.race([tryToWrite(), sleep(TRIAL_MS, false, { ref: false })]);
    },
  };
}

function isAway(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return NETWORK.has(code) || ENGINE.test(code) || (error instanceof Error && error.message.startsWith(NO_CONNECTION));
}

function sayUnavailable(error: unknown): never {
  throw isAway(error) ? new UnavailableError(error) : error;
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
