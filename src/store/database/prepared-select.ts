import { Column, fillPlaceholders, is, type SQL } from 'drizzle-orm';

import { StoreError } from './errors.ts';
import { nextStatementName, param, type Param } from './prepared-statement.ts';
import type { Engine, Queries, Transaction } from './transaction.ts';

/** The columns of a select, as drizzle takes them: columns, and objects of columns of one table. */
export type SelectedFields = Readonly<Record<string, Column | SQL | Readonly<Record<string, Column>>>>;

/** A select of drizzle that has not been awaited. */
interface Select<R> extends PromiseLike<R[]> {
  toSQL(): { sql: string; params: unknown[] };
}

interface BuiltSelect<R> {
  /** The same object that the query selects. */
  fields: SelectedFields;
  query: Select<R>;
}

type Build<V, R> = (tools: Pick<Engine, 'tables' | 'dialect'> & { db: Queries }, param: Param<V>) => BuiltSelect<R>;

interface PreparedSelect<R> {
  text: string;
  params: unknown[];
  toRow: (values: readonly unknown[]) => R;
}

/**
 * Creates a prepared statement as `preparedStatement`, for a select of many rows: it converts rows itself, because drizzle needs half of the
 * time of a page of the directory for that. Two differences: an expression keeps the value of the driver, and an object is null when its
 * first column is null, so that column must not be nullable.
 */
export function preparedSelect<V extends object, R>(build: Build<V, R>): (tx: Transaction, values: V) => Promise<R[]> {
  const name = nextStatementName();
  const prepared = new Map<Engine, PreparedSelect<R>>();
  return async ({ engine, execute }, values) => {
    let select = prepared.get(engine);
    if (select === undefined) {
      select = prepare(engine, build);
      prepared.set(engine, select);
    }
    const rows = await execute(
      select.text,
      fillPlaceholders(select.params, Object.fromEntries(Object.entries(values))),
      name,
    );
    return rows.map(select.toRow);
  };
}

function prepare<V, R>(engine: Engine, build: Build<V, R>): PreparedSelect<R> {
  const db = engine.queries(() => Promise.reject(new StoreError('a prepared select runs by its text only')));
  const { fields, query } = build({ tables: engine.tables, dialect: engine.dialect, db }, param);
  const { sql: text, params } = query.toSQL();
  const toObject = createRowMapper(fields);
  // The row has the type of the query, because the query selects these fields.
  return { text, params, toRow: (values) => toObject(values) as R };
}

/** Returns the value of a column; the driver never returns undefined. */
type Decode = ((value: unknown) => unknown) | undefined;

interface Place {
  name: string;
  at: number;
  decode: Decode;
}

/** An object of columns that begin at `at`. */
interface Group {
  name: string;
  at: number;
  places: readonly Place[];
}

function createRowMapper(fields: SelectedFields): (values: readonly unknown[]) => Record<string, unknown> {
  let next = 0;
  const places: Place[] = [];
  const groups: Group[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (isLeaf(field)) places.push({ name, at: next++, decode: decoderOf(field) });
    else {
      const at = next;
      const ofGroup = Object.entries(field).map(([key, column]) => ({
        name: key,
        at: next++,
        decode: decoderOf(column),
      }));
      groups.push({ name, at, places: ofGroup });
    }
  }
  return (values) => {
    const row = readPlaces(places, values);
    for (const group of groups) row[group.name] = values[group.at] === null ? null : readPlaces(group.places, values);
    return row;
  };
}

function isLeaf(field: SelectedFields[string]): field is Column | SQL {
  return is(field, Column) || 'queryChunks' in field;
}

function decoderOf(field: Column | SQL): Decode {
  if (!is(field, Column) || field.mapFromDriverValue === Column.prototype.mapFromDriverValue) return undefined;
  return (value) => field.mapFromDriverValue(value);
}

function readPlaces(places: readonly Place[], values: readonly unknown[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const { name, at, decode } of places) {
    const value = values[at];
    object[name] = decode === undefined || value === null ? value : decode(value);
  }
  return object;
}
