import { AsyncLocalStorage } from 'node:async_hooks';

import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';

import type { Tables } from '../schema/tables.ts';
import { StoreError, withoutValues } from './errors.ts';

export type Dialect = 'sqlite' | 'postgres';

/**
 * Drizzle's query builder as both engines have it at run time. Await a query to run it; `.get()`, `.all()` and `.run()`
 * exist on SQLite only.
 */
export type Queries = Pick<
  BaseSQLiteDatabase<'async', unknown>,
  'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'with' | '$with'
>;

/** One of the two engines: its tables, and drizzle for it. */
export interface Engine {
  readonly dialect: Dialect;
  readonly tables: Tables;
  /** Drizzle over whatever runs its statements. */
  queries(execute: Execute): Queries;
}

/** What a unit of work works with. It ends with its callback; a later use throws. */
export interface Transaction {
  readonly dialect: Dialect;
  readonly db: Queries;
  readonly tables: Tables;
  readonly engine: Engine;
  /** For `prepared-statement.ts` alone. */
  readonly execute: Execute;
  /** Calls `action` after the commit, once for each function. Does not call it after a rollback or after a read. */
  afterCommit(action: () => void): void;
  /** The actions of `afterCommit`; for `runCommitActions` alone. */
  readonly commitActions: ReadonlySet<() => void>;
}

/**
 * A statement with its values, as drizzle hands it over; rows are arrays. A statement with a name is always the same text: PostgreSQL
 * keeps its plan for as long as the connection lasts.
 */
export type Execute = (statement: string, values: unknown[], name?: string) => Promise<unknown[][]>;

/** A structural subset of pino's logger. */
export interface StoreLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Store {
  readonly dialect: Dialect;
  /**
   * Reads what is committed. The connection is read-only: a write inside throws. Two statements of one `read` may see
   * different moments. Never read inside a read: each holds its place until it ends.
   */
  read<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * All or nothing, and on disk when it resolves. A statement that fails spoils the unit, even when its error is caught:
   * PostgreSQL is like that, and SQLite is made so. After a deadlock PostgreSQL runs `fn` again, so `fn` changes nothing
   * outside of the database. Never write inside a write; never wait for the network or a hash inside one.
   * @throws {StoreError} what the engine refused, without values
   */
  write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** For migrations: a transaction that no other process has at the same time, with foreign keys checked at its end. */
  runExclusively<T>(fn: (run: (statement: string) => Promise<unknown[][]>) => Promise<T>): Promise<T>;
  /** @throws when the database does not answer */
  ping(): Promise<void>;
  /** Waits for the writes that have begun; later ones are refused. A second call is harmless. */
  close(): Promise<void>;
}

export interface TransactionScope {
  tx: Transaction;
  /** The first error of a statement, if any: the unit must then be rolled back. */
  failure: () => unknown;
  end: () => void;
}

/** Guards a unit: no statement after its end, none after a failed one. */
export function createTransactionScope(execute: Execute, engine: Engine): TransactionScope {
  let ended = false;
  let failure: unknown;
  const guarded: Execute = async (statement, values, name) => {
    try {
      if (ended) throw new StoreError('this unit of work has ended; was a query not awaited?');
      if (failure !== undefined) throw new StoreError('a statement of this unit of work failed before');
      return await execute(statement, values, name);
    } catch (error) {
      failure ??= error;
      // Drizzle's error quotes the values: e-mails and password hashes would reach a log. It holds this very array.
      values.length = 0;
      throw error;
    }
  };
  return {
    tx: createTransaction(engine, guarded),
    failure: () => failure,
    end: () => {
      ended = true;
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
    // Most units run kept statements only and never need a builder of their own.
    get db() {
      return (db ??= engine.queries(execute));
    },
  };
}

/** Runs `fn` in its unit and ends the unit. @throws what `fn` threw, or the error of a statement that `fn` swallowed */
export async function runInScope<T>(scoped: TransactionScope, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    const value = await fn(scoped.tx);
    const failure = scoped.failure();
    if (failure !== undefined) throw new StoreError('a statement failed and its error was caught: nothing is kept');
    return value;
  } catch (error) {
    throw withoutValues(error);
  } finally {
    scoped.end();
  }
}

/** Returns `write` with the actions of `afterCommit`. */
export function runCommitActions(write: Store['write']): Store['write'] {
  return async (fn) => {
    let actions: ReadonlySet<() => void> = new Set();
    const value = await write((tx) => {
      // Assigned on each run: after a deadlock only the actions of the last run count.
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
 * A write inside a write waits for itself for ever on SQLite and is a second transaction on PostgreSQL: refused on both.
 * What a unit leaves running after its end may write again.
 */
export function createNestedWriteGuard(): NestedWriteGuard {
  const current = new AsyncLocalStorage<{ open: boolean }>();
  return {
    enter: async (fn) => {
      const mark = { open: true };
      try {
        return await current.run(mark, fn);
      } finally {
        mark.open = false;
      }
    },
    assertNotNested: () => {
      if (current.getStore()?.open) throw new StoreError('write inside write: pass the unit on instead');
    },
  };
}
