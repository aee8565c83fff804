import { statSync } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';

import BetterSqlite from 'better-sqlite3';
import { z } from 'zod';

import { messageOf } from '../../platform/errors.ts';
import { assertKnownMigrations } from '../migrate.ts';
import type { SealedKey } from '../oidc/keys.ts';
import { copySqlite, hasRequiredTables, sqliteFile } from './backup.ts';
import { openStore, type Dialect, type StoreOptions } from './index.ts';
import { runClientTool } from './postgres/client-tools.ts';
import { isTaken, writePrivateFile } from './private-file.ts';

/** The parts of a backup that are checked before it is restored. */
interface Contents {
  /** Tags and hashes of its migrations. */
  applied: ReadonlyMap<string, string>;
  /** Empty if the service has never started with the database. Nothing is sealed then. */
  keys: readonly SealedKey[];
}

const appliedSchema = z.array(z.object({ tag: z.string(), hash: z.string() }));
const keysSchema = z.array(
  z.object({ id: z.string(), purpose: z.enum(['sign', 'cookie', 'pairwise']), alg: z.string(), sealed: z.string() }),
);

/** First bytes of the two kinds of backups. */
const MAGIC: Record<Dialect, string> = { sqlite: 'SQLite format 3\0', postgres: 'PGDMP' };

/**
 * Restores a backup where no database exists. It first checks that the backup is intact, of Kinpass, not newer than this program, and
 * sealed by the master key of this installation.
 *
 * @param checkKeys throws when a key was sealed by another master key
 * @throws {Error} when the backup is refused or a database exists; nothing is written then
 */
export async function restore(
  to: StoreOptions,
  source: string,
  checkKeys: (keys: readonly SealedKey[]) => void,
): Promise<void> {
  const dialect = to.url === undefined ? 'sqlite' : 'postgres';
  await assertBackupOf(source, dialect);
  const { applied, keys } = dialect === 'sqlite' ? readSqlite(source) : await readDump(source);
  if (applied.size === 0) throw notABackup(source);
  await assertKnownMigrations(dialect, applied).catch((cause: unknown) => {
    throw refusal(source, messageOf(cause), cause);
  });
  try {
    checkKeys(keys);
  } catch (cause) {
    throw refusal(source, 'was sealed by another master key than the one in KINPASS_MASTER_KEY_FILE', cause);
  }
  if (to.url === undefined) await writeSqlite(sqliteFile(to), source);
  else await writeDump(to.url, source);
}

function refusal(source: string, problem: string, cause?: unknown): Error {
  return new Error(`restore: ${source}: ${problem}; nothing was written`, { cause });
}

function notABackup(source: string, cause?: unknown): Error {
  return refusal(source, 'is not a backup of Kinpass', cause);
}

/** @param cause its message is shown, because it names the position or says that the client program is too old for the file */
function damaged(source: string, cause?: unknown): Error {
  const details = cause instanceof Error ? ` (${cause.message})` : '';
  return refusal(source, `is damaged or cut off${details}`, cause);
}

async function assertBackupOf(source: string, dialect: Dialect): Promise<void> {
  const found = await stat(source).catch((cause: unknown) => {
    throw refusal(source, 'cannot be read', cause);
  });
  if (!found.isFile()) throw refusal(source, 'is not a file');
  const start = await firstBytes(source);
  if (start.startsWith(MAGIC[dialect])) return;
  const other = dialect === 'sqlite' ? 'postgres' : 'sqlite';
  if (!start.startsWith(MAGIC[other])) throw notABackup(source);
  const settings = { sqlite: 'leave DATABASE_URL out', postgres: 'set DATABASE_URL' };
  throw refusal(source, `holds a ${other === 'sqlite' ? 'SQLite' : 'PostgreSQL'} database: ${settings[other]}`);
}

async function firstBytes(source: string): Promise<string> {
  const file = await open(source, 'r').catch((cause: unknown) => {
    throw refusal(source, 'cannot be read', cause);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function readSqlite(source: string): Contents {
  try {
    const database = new BetterSqlite(source, { readonly: true, fileMustExist: true });
    try {
      // SQLite reads the missing part of a last page as zeros.
      const pageSize = z.number().parse(database.pragma('page_size', { simple: true }));
      if (statSync(source).size % pageSize !== 0) throw damaged(source);
      if (database.pragma('integrity_check', { simple: true }) !== 'ok') throw damaged(source);
      if (!hasRequiredTables(database)) throw notABackup(source);
      return readContents(
        source,
        database.prepare('select * from schema_migrations limit 1000').all(),
        database.prepare('select * from keys limit 1000').all(),
      );
    } finally {
      database.close();
    }
  } catch (error) {
    if (!(error instanceof BetterSqlite.SqliteError)) throw error;
    throw error.code === 'SQLITE_CANTOPEN'
      ? refusal(source, 'cannot be opened by SQLite', error)
      : damaged(source, error);
  }
}

function readContents(source: string, applied: unknown, keys: unknown): Contents {
  const parsed = { applied: appliedSchema.safeParse(applied), keys: keysSchema.safeParse(keys) };
  if (!parsed.applied.success || !parsed.keys.success) throw notABackup(source);
  return { applied: new Map(parsed.applied.data.map(({ tag, hash }) => [tag, hash])), keys: parsed.keys.data };
}

/** Reads the whole dump once: its table of contents is at the start, so only a full read shows that the end is missing. */
async function readDump(source: string): Promise<Contents> {
  await runClientTool('pg_restore', ['--version']);
  await runClientTool('pg_restore', ['--file=/dev/null', source]).catch((cause: unknown) => {
    throw damaged(source, cause);
  });
  const tables = ['--table=schema_migrations', '--table=keys'];
  const script = await runClientTool('pg_restore', ['--data-only', ...tables, '--file=-', source]).catch(
    (cause: unknown) => {
      throw notABackup(source, cause);
    },
  );
  return readContents(source, copiedRows(script, 'schema_migrations'), copiedRows(script, 'keys'));
}

/**
 * Parses the rows of a table in the script of a dump (PostgreSQL manual, COPY, "Text Format"). Escapes are not decoded, because the
 * columns that are read here have none.
 */
function copiedRows(script: string, table: string): Record<string, string>[] {
  const pattern = new RegExp(`^COPY public\\.${table} \\(([^)]*)\\) FROM stdin;\n([^]*?)^\\\\\\.$`, 'm');
  const [, names = '', body = ''] = pattern.exec(script) ?? [];
  const columns = names.split(', ');
  const lines = body.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(columns.map((column, at) => [column, values[at] ?? '']));
  });
}

/** Endings of the files of a SQLite database. A log of another database would be replayed into this one (sqlite.org/howtocorrupt.html, 1.4). */
const FILE_ENDINGS = ['', '-wal', '-shm', '-journal'];

async function writeSqlite(file: string, source: string): Promise<void> {
  for (const path of FILE_ENDINGS.map((ending) => file + ending)) {
    const found = await lstat(path).catch(() => undefined);
    if (found !== undefined) throw describeExisting(path);
  }
  try {
    await writePrivateFile(file, () => {
      copySqlite(source, file);
      return Promise.resolve();
    });
  } catch (cause) {
    throw isTaken(cause) ? describeExisting(file, cause) : cause;
  }
}

function describeExisting(path: string, cause?: unknown): Error {
  return new Error(`restore: ${path} exists already; nothing was written`, { cause });
}

const COUNT_TABLES = `select count(*)::int from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`;

async function writeDump(url: string, source: string): Promise<void> {
  const store = await openStore({ url, poolSize: 1 });
  try {
    const [[tables] = []] = await store.runExclusively((run) => run(COUNT_TABLES));
    if (tables !== 0) throw new Error('restore: the database is not empty; nothing was written');
  } finally {
    await store.close();
  }
  // Stops at the first error and rolls back.
  await runClientTool('pg_restore', ['--exit-on-error', '--single-transaction', '--no-owner', source], { url });
}
