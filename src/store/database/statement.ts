import { Placeholder } from 'drizzle-orm';

import { StoreError } from './errors.ts';
import type { Engine, Execute, Queries, Unit } from './unit.ts';

/** A query of drizzle that has not been awaited. */
interface Preparable<R> {
  prepare(): { execute(values?: object): Promise<R> };
}

/** Where a value will stand. */
export type Param<V> = <K extends keyof V & string>(name: K) => Placeholder<K, V[K]>;

type Build<V, R> = (tools: Pick<Engine, 't' | 'dialect'> & { db: Queries }, param: Param<V>) => Preparable<R>;
type Run<V, R> = (execute: Execute, values: V) => Promise<R>;

/**
 * A statement whose text is built once per engine, not at each call: building it costs more than running it (decision 0012).
 * For what every request does; everything else is easier to read as a plain query.
 *
 * Drizzle gives `null` to the encoder of an inserted column, so nullable columns here are text or numbers only.
 */
export function statement<V extends object, R>(build: Build<V, R>): (u: Unit, values: V) => Promise<R> {
  const name = nextName();
  const kept = new Map<Engine, Run<V, R>>();
  return ({ engine, execute }, values) => {
    const known = kept.get(engine);
    if (known !== undefined) return known(execute, values);
    const run = prepare(engine, build, name);
    kept.set(engine, run);
    return run(execute, values);
  };
}

let names = 0;

/** A name is said on each connection before it is used, so it only has to be one within this process. */
function nextName(): string {
  names += 1;
  return `kept_${String(names)}`;
}

/** The statement outlives units, so at each call it is told whose it is; drizzle asks at once, before anybody else can call. */
function prepare<V extends object, R>(engine: Engine, build: Build<V, R>, name: string): Run<V, R> {
  const waiting: Execute[] = [];
  const db = engine.queries((text, values) => {
    const execute = waiting.pop();
    if (execute === undefined) throw new StoreError('drizzle asked when nobody had called');
    return execute(text, values, name);
  });
  const query = build({ t: engine.t, dialect: engine.dialect, db }, (column) => new Placeholder(column)).prepare();
  return async (execute, values) => {
    waiting.push(execute);
    const rows = query.execute(values);
    const late = waiting.pop() !== undefined;
    const result = await rows;
    if (late) throw new StoreError('drizzle does not ask at once any more: units would mix');
    return result;
  };
}
