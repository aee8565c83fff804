import { setTimeout as sleep } from 'node:timers/promises';

import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { codeOf } from './errors.ts';
import type { Store, Transaction } from './index.ts';
import { COMMIT_OUTCOME_UNKNOWN, LOST_CONNECTION_CODES } from './postgres/connection-errors.ts';

/** System errors of a server that cannot be reached. No request waits for it, unlike after `LOST_CONNECTION_CODES`. */
const UNREACHABLE_CODES = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
/** Connection errors and too many connections (PostgreSQL manual, appendix A), and a SQLite file that another process locks. */
const ENGINE_CODES = /^(08...|53300|SQLITE_BUSY.*)$/;
/** A server that became read-only, for example a former primary after a failover (PostgreSQL manual, appendix A). */
const READ_ONLY_CODE = '25006';
/** A full disk, or one that fails. Requests get an error, because waiting does not help. */
const DISK_CODES = /^(53100|58030|ENOSPC|EDQUOT|EROFS|SQLITE_(FULL|IOERR|READONLY|CANTOPEN).*)$/;
/** node-postgres gives this error no code. */
const CONNECT_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';
/** Age of the last trial write from which a readiness probe makes another one, in milliseconds. */
const TRIAL_INTERVAL_MS = 5_000;
/** Wait of a readiness probe for a trial write, in milliseconds. */
const PROBE_TIMEOUT_MS = 500;

export interface MonitoredStore {
  /** The same store. It throws a `DatabaseUnavailableError` while the database does not answer. */
  store: Store;
  /** Returns true if the database answers and a trial write of the last seconds, or one now, did not fail. */
  isAvailable: () => Promise<boolean>;
}

/**
 * Turns errors of an unavailable database into `DatabaseUnavailableError`, and remembers whether writing works.
 *
 * @param probe a small write
 */
export function monitorAvailability(
  store: Store,
  log: Logger,
  probe: (tx: Transaction) => Promise<void>,
): MonitoredStore {
  let isWritable = true;
  let triedAt = -Infinity;
  const setWritable = (canWrite: boolean, error?: unknown): void => {
    if (!canWrite) triedAt = -Infinity;
    if (canWrite === isWritable) return;
    isWritable = canWrite;
    if (canWrite) log.info('the database takes writes again');
    else
      log.error(
        { code: codeOf(error) },
        isConnectionError(error) ? 'the database does not answer' : 'the database takes no writes',
      );
  };
  let trial: Promise<boolean> | undefined;
  // One at a time: a write waits for a locked file much longer than a probe.
  const tryToWrite = (): Promise<boolean> =>
    (trial ??= succeeds(
      monitored.write(probe).then(() => {
        setWritable(true);
        triedAt = performance.now();
      }),
    ).finally(() => {
      trial = undefined;
    }));
  const write: Store['write'] = async (fn) => {
    try {
      const value = await store.write(fn);
      if (!isWritable && fn !== probe) void tryToWrite();
      return value;
    } catch (error) {
      // A connection that was lost during COMMIT does not show that the server is gone.
      const isLost = isConnectionError(error) && codeOf(error) !== COMMIT_OUTCOME_UNKNOWN;
      if (isLost || isRefused(error)) setWritable(false, error);
      return throwUnavailable(error);
    }
  };
  const monitored: Store = { ...store, read: (fn) => store.read(fn).catch(throwUnavailable), write };
  return {
    store: monitored,
    isAvailable: async () => {
      if (!(await succeeds(store.ping()))) return false;
      if (performance.now() - triedAt < TRIAL_INTERVAL_MS) return true;
      // A slow disk is no reason to take a node out of service, so an unfinished trial leaves what is known.
      return Promise.race([tryToWrite(), sleep(PROBE_TIMEOUT_MS, undefined, { ref: false }).then(() => isWritable)]);
    },
  };
}

function isRefused(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return code === READ_ONLY_CODE || DISK_CODES.test(code);
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
  throw isConnectionError(error) || codeOf(error) === READ_ONLY_CODE ? new DatabaseUnavailableError(error) : error;
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
