import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { getTableName, is } from 'drizzle-orm';
import { getTableConfig, SQLiteColumn, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import {
  generateDrizzleJson,
  generateMigration,
  generateSQLiteDrizzleJson,
  generateSQLiteMigration,
} from 'drizzle-kit/api';
import { z } from 'zod';

import type { Dialect, Store } from '../../src/store/database/index.ts';
import { MIGRATIONS_FOLDER, readMigrations } from '../../src/store/migrate.ts';
import * as postgres from '../../src/store/schema/postgres.ts';
import * as sqlite from '../../src/store/schema/sqlite.ts';
import { eachStore } from '../helpers/store.ts';

/** The properties of a table that both engines have. */
interface TableShape {
  name: string;
  /** `name type [required]`, sorted. */
  columns: string[];
  primaryKey: string[];
  /** `[unique] name(columns) [partial]`, sorted. */
  indexes: string[];
  /** `column → table(column), on delete`, sorted. */
  foreignKeys: string[];
}

describe('committed migrations', () => {
  it('have the same numbers and names for both engines', async () => {
    const tags = async (dialect: Dialect): Promise<string[]> => (await readMigrations(dialect)).map(({ tag }) => tag);
    const onSqlite = await tags('sqlite');
    assert.ok(onSqlite.length > 0);
    assert.deepEqual(await tags('postgres'), onSqlite);
    assert.deepEqual(
      onSqlite.map((tag) => Number(tag.slice(0, 4))),
      onSqlite.map((_, i) => i),
    );
  });

  it('match the schema; after a change run `npm run migrations:generate -- name`', async () => {
    const lite = await lastSnapshot('sqlite');
    const big = await lastSnapshot('postgres');
    const presentLite: unknown = await generateSQLiteDrizzleJson({ ...sqlite });
    const presentBig: unknown = generateDrizzleJson({ ...postgres });
    assert.deepEqual(await generateSQLiteMigration(lite, presentLite), []);
    assert.deepEqual(await generateMigration(big, presentBig), []);
  });

  it('include every table', () => {
    const names = (tables: object[]): string[] => tables.map((table) => getTableName(table as SQLiteTable)).sort();
    const { sqliteTables, ...exportedLite } = sqlite;
    const { postgresTables, ...exportedBig } = postgres;
    const all = names(Object.values(sqliteTables));
    assert.deepEqual(names(Object.values(exportedLite)), all);
    assert.deepEqual(names(Object.values(exportedBig)), all);
    assert.deepEqual(names(Object.values(postgresTables)), all);
  });
});

eachStore('migrated database', (on) => {
  it('has the tables, columns, keys and indexes of the schema', async () => {
    const actual = on.dialect === 'sqlite' ? await inspectSqlite(on.store) : await inspectPostgres(on.store);
    const expected = Object.values(sqlite.sqliteTables).map(describeTable);
    assert.deepEqual(actual, expected.sort(byName));
  });
});

async function lastSnapshot(dialect: Dialect): Promise<object> {
  const last = (await readMigrations(dialect)).at(-1)?.tag.slice(0, 4) ?? '';
  const text = await readFile(join(MIGRATIONS_FOLDER, dialect, `meta/${last}_snapshot.json`), 'utf8');
  return z.looseObject({ tables: z.looseObject({}) }).parse(JSON.parse(text));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

const foreignKey = (column: string, table: string, target: string, onDelete: string): string =>
  `${column} → ${table}(${target}), on delete ${onDelete.toLowerCase()}`;

function describeTable(table: SQLiteTable): TableShape {
  const { name, columns, indexes, primaryKeys, foreignKeys } = getTableConfig(table);
  const single = columns.filter(({ primary }) => primary).map((column) => column.name);
  const composed = primaryKeys.flatMap((key) => key.columns.map((column) => column.name));
  return {
    name,
    columns: columns.map((column) => `${column.name}${column.notNull ? ' required' : ''}`).sort(),
    primaryKey: [...single, ...composed],
    indexes: indexes
      .map(({ config }) => {
        const on = config.columns.map((column) => (is(column, SQLiteColumn) ? column.name : 'expression'));
        return indexText(config.unique, config.name, on, config.where !== undefined);
      })
      .sort(),
    foreignKeys: foreignKeys
      .map((key) => {
        const { columns: from, foreignColumns, foreignTable } = key.reference();
        const target = foreignColumns.map((column) => column.name).join();
        return foreignKey(
          from.map((column) => column.name).join(),
          getTableName(foreignTable),
          target,
          key.onDelete ?? 'no action',
        );
      })
      .sort(),
  };
}

function indexText(unique: boolean, name: string, columns: string[], partial: boolean): string {
  return `${unique ? 'unique ' : ''}${name}(${columns.join()})${partial ? ' partial' : ''}`;
}

async function inspectSqlite(store: Store): Promise<TableShape[]> {
  return store.runExclusively(async (run) => {
    const query = async <T extends z.ZodType>(row: T, statement: string): Promise<z.infer<T>[]> =>
      z.array(row).parse(await run(statement));
    const names = await query(
      z.tuple([z.string()]),
      "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'schema_migrations'",
    );
    const shapes: TableShape[] = [];
    for (const [name] of names) {
      const columns = await query(
        z.tuple([z.string(), z.number(), z.number()]),
        `select name, "notnull", pk from pragma_table_info('${name}')`,
      );
      const indexes = await query(
        z.tuple([z.string(), z.number(), z.number(), z.string()]),
        `select l.name, l."unique", l.partial, (select group_concat(name) from (select name from pragma_index_info(l.name) order by seqno))
         from pragma_index_list('${name}') l where l.origin = 'c'`,
      );
      const keys = await query(
        z.tuple([z.string(), z.string(), z.string(), z.string()]),
        `select "from", "table", "to", on_delete from pragma_foreign_key_list('${name}')`,
      );
      shapes.push({
        name,
        columns: columns.map(([column, required]) => `${column}${required === 1 ? ' required' : ''}`).sort(),
        primaryKey: columns
          .filter(([, , place]) => place > 0)
          .sort((a, b) => a[2] - b[2])
          .map(([column]) => column),
        indexes: indexes
          .map(([index, unique, partial, on]) => indexText(unique === 1, index, [on], partial === 1))
          .sort(),
        foreignKeys: keys.map((key) => foreignKey(...key)).sort(),
      });
    }
    return shapes.sort(byName);
  });
}

const POSTGRES_SHAPES = `
  with t as (select oid, relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'),
  names as (select attrelid, attnum, attname, attnotnull from pg_attribute where attnum > 0 and not attisdropped)
  select json_build_object(
    'name', t.relname,
    'columns', (select json_agg(attname || case when attnotnull then ' required' else '' end) from names where attrelid = t.oid),
    'primaryKey', (select json_agg(n.attname order by k.place) from pg_constraint c, unnest(c.conkey) with ordinality k (num, place), names n
      where c.conrelid = t.oid and c.contype = 'p' and n.attrelid = t.oid and n.attnum = k.num),
    'indexes', (select coalesce(json_agg(json_build_array(r.relname, i.indisunique, i.indpred is not null,
        (select string_agg(n.attname, ',' order by k.place) from unnest(i.indkey) with ordinality k (num, place), names n
          where n.attrelid = t.oid and n.attnum = k.num))), '[]')
      from pg_index i join pg_class r on r.oid = i.indexrelid where i.indrelid = t.oid and not i.indisprimary),
    'foreignKeys', (select coalesce(json_agg(json_build_array(n.attname, f.relname, m.attname,
        case c.confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'no action' end)), '[]')
      from pg_constraint c join pg_class f on f.oid = c.confrelid
      join names n on n.attrelid = t.oid and n.attnum = c.conkey[1]
      join names m on m.attrelid = c.confrelid and m.attnum = c.confkey[1]
      where c.conrelid = t.oid and c.contype = 'f'))
  from t`;

const postgresShape = z.object({
  name: z.string(),
  columns: z.array(z.string()),
  primaryKey: z.array(z.string()),
  indexes: z.array(z.tuple([z.string(), z.boolean(), z.boolean(), z.string()])),
  foreignKeys: z.array(z.tuple([z.string(), z.string(), z.string(), z.string()])),
});

async function inspectPostgres(store: Store): Promise<TableShape[]> {
  const rows = await store.runExclusively((run) => run(POSTGRES_SHAPES));
  return z
    .array(z.tuple([postgresShape]))
    .parse(rows)
    .map(([shape]) => ({
      ...shape,
      columns: shape.columns.sort(),
      indexes: shape.indexes.map(([name, unique, partial, on]) => indexText(unique, name, [on], partial)).sort(),
      foreignKeys: shape.foreignKeys.map((key) => foreignKey(...key)).sort(),
    }))
    .sort(byName);
}
