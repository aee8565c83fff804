import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { StoreError, type Dialect, type Store } from './database/index.ts';

/** Folder of the committed migrations. `npm run migrations:generate` writes them, with equal numbers and names for both engines. */
export const MIGRATIONS_FOLDER = join(import.meta.dirname, '../../migrations');

const STATEMENT_BREAKPOINT = '--> statement-breakpoint';
const journalSchema = z.object({
  entries: z.array(z.object({ idx: z.number(), tag: z.string().regex(/^[0-9]{4}_[a-z0-9_-]+$/) })),
});
const appliedSchema = z.array(z.tuple([z.string(), z.string()]));

interface Migration {
  /** Number and name: `0000_foundation`. */
  tag: string;
  /** SHA-256 of its text in hex. A migration must not change after it was applied. */
  hash: string;
  statements: string[];
}

type Run = (statement: string) => Promise<unknown[][]>;

/** Reads the migrations of one engine, in order. */
export async function readMigrations(dialect: Dialect, folder = MIGRATIONS_FOLDER): Promise<Migration[]> {
  const dialectFolder = join(folder, dialect);
  const journal = journalSchema.parse(JSON.parse(await readFile(join(dialectFolder, 'meta/_journal.json'), 'utf8')));
  const entries = journal.entries.sort((a, b) => a.idx - b.idx);
  return Promise.all(
    entries.map(async ({ tag }) => {
      const text = (await readFile(join(dialectFolder, `${tag}.sql`), 'utf8')).replaceAll('\r\n', '\n');
      const statements = text
        .split(STATEMENT_BREAKPOINT)
        .map((statement) => statement.trim())
        .filter((statement) => statement !== '');
      return { tag, hash: createHash('sha256').update(text).digest('hex'), statements };
    }),
  );
}

/**
 * Applies all pending migrations in one transaction, under a lock that all processes share. So several nodes can start at once.
 *
 * @returns the tags that were applied now
 * @throws {StoreError} when the database has a migration that this program lacks, or one with another text
 */
export async function migrate(store: Store, folder = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(store.dialect, folder);
  return store.runExclusively(async (run) => {
    await run(
      'create table if not exists schema_migrations (tag text primary key, hash text not null, applied_at bigint not null)',
    );
    const pending = choosePending(migrations, await appliedMigrations(run));
    for (const { tag, hash, statements } of pending) {
      for (const statement of statements) await run(statement);
      // Safe to insert without quoting: the journal's schema checks the tag, and the hash is hex.
      const now = String(Date.now());
      await run(`insert into schema_migrations (tag, hash, applied_at) values ('${tag}', '${hash}', ${now})`);
    }
    return pending.map(({ tag }) => tag);
  });
}

/** Lists the tags that `migrate` would apply, without changing anything. The startup checks require that there are none. */
export async function pendingMigrations(store: Store, folder = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(store.dialect, folder);
  return store.runExclusively(async (run) => {
    const known = await run(
      store.dialect === 'sqlite'
        ? "select 1 from sqlite_master where name = 'schema_migrations'"
        : "select 1 where to_regclass('schema_migrations') is not null",
    );
    const applied = known.length === 0 ? new Map<string, string>() : await appliedMigrations(run);
    return choosePending(migrations, applied).map(({ tag }) => tag);
  });
}

/** @throws {StoreError} when a database with these migrations is newer than this program */
export async function assertKnownMigrations(dialect: Dialect, applied: ReadonlyMap<string, string>): Promise<void> {
  choosePending(await readMigrations(dialect), applied);
}

async function appliedMigrations(run: Run): Promise<Map<string, string>> {
  return new Map(appliedSchema.parse(await run('select tag, hash from schema_migrations')));
}

function choosePending(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): Migration[] {
  const tags = new Set(migrations.map(({ tag }) => tag));
  const unknown = [...applied.keys()].find((tag) => !tags.has(tag));
  if (unknown !== undefined) throw new StoreError(`the database is newer than this program: it has ${unknown}`);
  const changed = migrations.find(({ tag, hash }) => applied.has(tag) && applied.get(tag) !== hash);
  if (changed) throw new StoreError(`migration ${changed.tag} was changed after it had been applied`);
  return migrations.filter(({ tag }) => !applied.has(tag));
}
