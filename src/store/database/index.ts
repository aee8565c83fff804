import { openPostgres } from './postgres/store.ts';
import { openSqlite } from './sqlite/store.ts';
import { runCommitActions, type Store, type StoreLog } from './transaction.ts';

export { ConflictError, StoreError } from './errors.ts';
export { isInJsonList } from './json-list.ts';
export { preparedSelect } from './prepared-select.ts';
export { preparedStatement, type Param } from './prepared-statement.ts';
export type { Dialect, PoolUse, Queries, Store, StoreLog, Transaction } from './transaction.ts';

export interface StoreOptions {
  /** `postgres://…`; takes precedence over `file`. */
  url?: string | undefined;
  /** Path of the SQLite file. Its folder is created when missing. */
  file?: string | undefined;
  /** Connections per pool on PostgreSQL; there are two pools. 10 by default. */
  poolSize?: number | undefined;
  log?: StoreLog | undefined;
}

/**
 * Opens the database. Run `migrate` first.
 *
 * @throws {TypeError} when neither `url` nor `file` is given
 * @throws the engine's error when the database cannot be reached or the file cannot be written
 */
export async function openStore({ url, file, poolSize = 10, log }: StoreOptions): Promise<Store> {
  const store = complete(openEngine(url, file, poolSize, log));
  try {
    await store.ping();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function openEngine(
  url: string | undefined,
  file: string | undefined,
  poolSize: number,
  log: StoreLog | undefined,
): Store {
  if (url !== undefined) return openPostgres({ url, poolSize, log });
  if (file !== undefined) return openSqlite(file, log);
  throw new TypeError('openStore: url or file is needed');
}

/** Adds the actions of `afterCommit` and a `close` that runs once, which both engines need. */
function complete(store: Store): Store {
  let closing: Promise<void> | undefined;
  return { ...store, write: runCommitActions((fn) => store.write(fn)), close: () => (closing ??= store.close()) };
}
