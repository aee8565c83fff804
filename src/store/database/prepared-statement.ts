import { Placeholder } from 'drizzle-orm';

import { StoreError } from './errors.ts';
import type { Engine, Execute, Queries, Transaction } from './transaction.ts';

/** A query of drizzle that has not been awaited. */
interface Preparable<R> {
  prepare(): { execute(values?: object): Promise<R> };
}

/** Returns the placeholder of a named value. */
export type Param<V> = <K extends keyof V & string>(name: K) => Placeholder<K, V[K]>;

/** Returns the placeholder of a named value. */
export function param<K extends string, T>(name: K): Placeholder<K, T> {
  return new Placeholder(name);
}

type Build<V, R> = (tools: Pick<Engine, 'tables' | 'dialect'> & { db: Queries }, param: Param<V>) => Preparable<R>;
type Run<V, R> = (execute: Execute, values: V) => Promise<R>;

/**
 * Creates a prepared statement: drizzle builds its text once per engine instead of at each call, because building costs more than running
 * (docs/decisions/0012-cost-of-a-request.md). Use it for the statements of every request; elsewhere a plain query is easier to read.
 *
 * Invariant: drizzle calls its callback synchronously inside `execute()`, so a statement always runs in the transaction of its caller.
 *
 * Drizzle passes `null` to the encoder of an inserted column, so nullable columns here are text or numbers only.
 */
export function preparedStatement<V extends object, R>(build: Build<V, R>): (tx: Transaction, values: V) => Promise<R> {
  const name = nextStatementName();
  const prepared = new Map<Engine, Run<V, R>>();
  return ({ engine, execute }, values) => {
    let run = prepared.get(engine);
    if (run === undefined) {
      run = prepare(engine, build, name);
      prepared.set(engine, run);
    }
    return run(execute, values);
  };
}

let statementCount = 0;

/** Returns a name that is unique within this process. That suffices, because a connection gets the name together with the text. */
export function nextStatementName(): string {
  statementCount += 1;
  return `statement_${String(statementCount)}`;
}

function prepare<V extends object, R>(engine: Engine, build: Build<V, R>, name: string): Run<V, R> {
  /** Holds `execute` of the calling transaction, during the synchronous part of a call only. */
  const callers: Execute[] = [];
  const db = engine.queries((text, values) => {
    const execute = callers.pop();
    if (execute === undefined) throw new StoreError('drizzle ran a prepared statement outside of a call');
    return execute(text, values, name);
  });
  const query = build({ tables: engine.tables, dialect: engine.dialect, db }, param).prepare();
  return async (execute, values) => {
    callers.push(execute);
    const rows = query.execute(values);
    const isDeferred = callers.pop() !== undefined;
    const result = await rows;
    if (isDeferred) throw new StoreError('drizzle did not run a prepared statement synchronously');
    return result;
  };
}
