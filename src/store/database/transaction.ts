import { AsyncLocalStorage } from 'node:async_hooks';

import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';

import type { Tables } from '../schema/tables.ts';
import { StoreError, withoutValues } from './errors.ts';

export type Dialect = 'sqlite' | 'postgres';

/**
 * The methods of drizzle's query builder that both engines have at run time. Await a query to run it, because `.get()`, `.all()` and
 * `.run()` exist on SQLite only.
 */
export type Queries = Pick<
  BaseSQLiteDatabase<'async', unknown>,
  'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'with' | '$with'
>;

/** A database engine: its tables and drizzle for it. */
export interface Engine {
  readonly dialect: Dialect;
  readonly tables: Tables;
  /** Returns a query builder whose statements `execute` runs. */
  queries(execute: Execute): Queries;
}

/** The argument of the callbacks of `read` and `write`. A use after the end of the callback throws. */
export interface Transaction {
  readonly dialect: Dialect;
  readonly db: Queries;
  readonly tables: Tables;
  readonly engine: Engine;
  /** For `prepared-statement.ts` only. */
  readonly execute: Execute;
  /** Calls `action` after the commit, once for each function. Does not call it after a rollback or after a read. */
  afterCommit(action: () => void): void;
  /** The actions of `afterCommit`; for `runCommitActions` only. */
  readonly commitActions: ReadonlySet<() => void>;
}

/**
 * Runs a statement with its values; rows are arrays. A name always has the same text, and PostgreSQL keeps its plan as long as the
 * connection.
 */
export type Execute = (statement: string, values: unknown[], name?: string) => Promise<unknown[][]>;

/** A structural subset of pino's logger. */
export interface StoreLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The connections of a pool now. */
export interface PoolUse {
  pool: 'read' | 'write';
  busy: number;
  idle: number;
  /** Callers that wait for a connection. */
  waiting: number;
  max: number;
}

export interface Store {
  readonly dialect: Dialect;
  /** Returns the use of each pool; empty on SQLite, which has none. */
  poolUse(): PoolUse[];
  /**
   * Reads committed data. The connection is read-only, so a write inside throws. Two statements of one `read` may see different states.
   * Never read inside a read: each holds its connection until it ends.
   */
  read<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Runs `fn` in a transaction: all or nothing, and on disk when it resolves. A failed statement rolls the transaction back, even when its
   * error is caught, on both engines. After a deadlock on PostgreSQL `fn` runs again, so it must change nothing outside of the database.
   * Never write inside a write, and never wait for the network or a hash inside one.
   *
   * @throws {StoreError} when the engine rejects a statement; the error holds no values
   */
  write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs migrations in a transaction that excludes those of other processes and checks foreign keys at its end. */
  runExclusively<T>(fn: (run: (statement: string) => Promise<unknown[][]>) => Promise<T>): Promise<T>;
  /** @throws when the database does not answer */
  ping(): Promise<void>;
  /** Waits for the writes that have begun and rejects later ones. May be called twice. */
  close(): Promise<void>;
}

interface TransactionScope {
  tx: Transaction;
  /** Returns the first error of a statement. The transaction must then be rolled back. */
  failure: () => unknown;
  end: () => void;
}

/** Creates a transaction that rejects statements after its end and after a failed statement. */
export function createTransactionScope(execute: Execute, engine: Engine): TransactionScope {
  let isEnded = false;
  let failure: unknown;
  const guarded: Execute = async (statement, values, name) => {
    try {
      if (isEnded) throw new StoreError('this transaction has ended; was a query not awaited?');
      if (failure !== undefined) throw new StoreError('an earlier statement of this transaction failed');
      return await execute(statement, values, name);
    } catch (error) {
      failure ??= error;
      // Drizzle's error holds this array and quotes its values, so e-mail addresses and password hashes would reach a log.
      values.length = 0;
      throw error;
    }
  };
  return {
    tx: createTransaction(engine, guarded),
    failure: () => failure,
    end: () => {
      isEnded = true;
    },
  };
}

function createTransaction(engine: Engine, execute: Execute): Transaction {
  let db: Queries | undefined;
  const { dialect, tables } = engine;
  const commitActions = new Set<() => void>();
  return {
    ...{ dialect, tables, engine, execute, commitActions },
    afterCommit: (action) => {
      commitActions.add(action);
    },
    // Most transactions run prepared statements only and need no query builder.
    get db() {
      return (db ??= engine.queries(execute));
    },
  };
}

/** Runs `fn` and ends the transaction's scope. @throws the error of `fn`, or a `StoreError` when `fn` caught the error of a statement */
export async function runInScope<T>(scoped: TransactionScope, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    const value = await fn(scoped.tx);
    const failure = scoped.failure();
    if (failure !== undefined)
      throw new StoreError('a statement failed and its error was caught; the transaction is rolled back');
    return value;
  } catch (error) {
    throw withoutValues(error);
  } finally {
    scoped.end();
  }
}

/** Returns `write` extended by the actions of `afterCommit`. */
export function runCommitActions(write: Store['write']): Store['write'] {
  return async (fn) => {
    let actions: ReadonlySet<() => void> = new Set();
    const value = await write((tx) => {
      // Assigned on each run, because only the last run counts after a deadlock.
      actions = tx.commitActions;
      return fn(tx);
    });
    for (const action of actions) action();
    return value;
  };
}

export interface NestedWriteGuard {
  enter<T>(fn: () => Promise<T>): Promise<T>;
  /** @throws {StoreError} inside `enter` */
  assertNotNested(): void;
}

/**
 * Rejects a write inside a write: on SQLite it would wait for itself, and on PostgreSQL it would be a second transaction. Work that
 * continues after the end of the outer write may write again.
 */
export function createNestedWriteGuard(): NestedWriteGuard {
  const current = new AsyncLocalStorage<{ isOpen: boolean }>();
  return {
    enter: async (fn) => {
      const mark = { isOpen: true };
      try {
        return await current.run(mark, fn);
      } finally {
        mark.isOpen = false;
      }
    },
    assertNotNested: () => {
      if (current.getStore()?.isOpen) throw new StoreError('write inside a write; pass the transaction instead');
    },
  };
}
