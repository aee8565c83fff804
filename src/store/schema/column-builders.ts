import * as pg from 'drizzle-orm/pg-core';
import * as lite from 'drizzle-orm/sqlite-core';

/**
 * Column builders that both engines support, so that one definition of a table serves both. Instants are milliseconds since 1970; days are
 * text (`2026-11-23`).
 */
export const sqliteColumns = {
  table: lite.sqliteTable,
  text: (name: string) => lite.text(name),
  /** Text in the order of its bytes, so that a range of an index is a prefix search on both engines. */
  sortedText: (name: string) => lite.text(name),
  int: (name: string) => lite.integer(name),
  /** Whole numbers past 2³¹, up to 2⁵³. */
  long: (name: string) => lite.integer(name),
  /** Primary key that the database assigns in ascending order, and never twice. */
  serial: (name: string) => lite.integer(name).primaryKey({ autoIncrement: true }),
  bool: (name: string) => lite.integer(name, { mode: 'boolean' }),
  instant: (name: string) => lite.integer(name),
  json: (name: string) => lite.text(name, { mode: 'json' }),
  primaryKey: (name: string, first: lite.AnySQLiteColumn, ...rest: lite.AnySQLiteColumn[]) =>
    lite.primaryKey({ name, columns: [first, ...rest] }),
  index: lite.index,
  uniqueIndex: lite.uniqueIndex,
};

export type ColumnBuilders = typeof sqliteColumns;

/**
 * Column builders for PostgreSQL. This cast and the one in postgres/store.ts allow one repository for both engines. The builders have the
 * same methods at run time, and the contract tests run on both.
 *
 * `json` instead of `jsonb` keeps the text as written, so an escaped NUL in an audit detail does not fail the write.
 */
export const postgresColumns = {
  table: pg.pgTable,
  text: (name: string) => pg.text(name),
  sortedText: pg.customType<{ data: string }>({ dataType: () => 'text collate "C"' }),
  int: (name: string) => pg.integer(name),
  long: (name: string) => pg.bigint(name, { mode: 'number' }),
  serial: (name: string) => pg.integer(name).primaryKey().generatedAlwaysAsIdentity(),
  bool: (name: string) => pg.boolean(name),
  instant: (name: string) => pg.bigint(name, { mode: 'number' }),
  json: (name: string) => pg.json(name),
  primaryKey: (name: string, first: pg.AnyPgColumn, ...rest: pg.AnyPgColumn[]) =>
    pg.primaryKey({ name, columns: [first, ...rest] }),
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
} as unknown as ColumnBuilders;
