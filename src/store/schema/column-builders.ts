import * as pg from 'drizzle-orm/pg-core';
import * as lite from 'drizzle-orm/sqlite-core';

/**
 * The words that the schema is written in. Only what both engines can say is here, so a table that compiles exists on
 * both. Instants are milliseconds since 1970; days are text (`2026-11-23`).
 */
export const sqliteColumns = {
  table: lite.sqliteTable,
  text: (name: string) => lite.text(name),
  int: (name: string) => lite.integer(name),
  /** Whole numbers past 2³¹, up to 2⁵³. */
  long: (name: string) => lite.integer(name),
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
 * The same words for PostgreSQL. This is one of the two casts that let every repository be written once: both engines'
 * builders have the same methods at run time, and the contract tests run on both.
 *
 * `json`, not `jsonb`: it keeps the text as written, so a NUL escaped inside an audit detail does not fail the write.
 */
export const postgresColumns = {
  table: pg.pgTable,
  text: (name: string) => pg.text(name),
  int: (name: string) => pg.integer(name),
  long: (name: string) => pg.bigint(name, { mode: 'number' }),
  bool: (name: string) => pg.boolean(name),
  instant: (name: string) => pg.bigint(name, { mode: 'number' }),
  json: (name: string) => pg.json(name),
  primaryKey: (name: string, first: pg.AnyPgColumn, ...rest: pg.AnyPgColumn[]) =>
    pg.primaryKey({ name, columns: [first, ...rest] }),
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
} as unknown as ColumnBuilders;
