import { messageOf } from '../../platform/errors.ts';
import { existsSync } from 'node:fs';
import { lstat, rename, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import BetterSqlite from 'better-sqlite3';

import { codeOf } from './errors.ts';
import type { StoreOptions } from './index.ts';
import { runClientTool } from './postgres/client-tools.ts';
import { isTaken, syncFolder, writePrivateFile } from './private-file.ts';

/**
 * Copies the whole database while the service runs: SQLite by VACUUM INTO, PostgreSQL by `pg_dump`. The copy does not contain the master
 * key, which belongs in another place. Only this user can read the file.
 *
 * @param signal interrupts `pg_dump`; VACUUM INTO cannot be interrupted
 * @throws {Error} when the target exists, the copy fails, or the database is not of Kinpass; no file is left then
 */
export async function backup(from: StoreOptions, target: string, signal?: AbortSignal): Promise<void> {
  const partial = `${target}.partial`;
  const hadFolder = existsSync(dirname(target));
  try {
    if (from.url === undefined) assertSourceExists(sqliteFile(from));
    await assertFree(target);
    await writePrivateFile(partial, async ({ fd }) => {
      if (from.url === undefined) copySqlite(sqliteFile(from), partial);
      else await runClientTool('pg_dump', ['--format=custom', '--no-owner'], { url: from.url, stdout: fd, signal });
      await assertOfKinpass(from, partial);
    });
    await assertFree(target);
    // The name appears with the last byte, so a killed backup leaves no file that looks like one.
    await rename(partial, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    if (!hadFolder) await rmdir(dirname(target)).catch(() => undefined);
    throw new Error(`backup: ${problemOf(cause, from, target)}; nothing was written`, { cause });
  }
}

/** @throws {Error} `EEXIST` when a file or a symbolic link has this name */
async function assertFree(target: string): Promise<void> {
  const found = await lstat(target).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined) throw Object.assign(new Error(target), { code: 'EEXIST', path: target });
}

function assertSourceExists(file: string): void {
  if (existsSync(file)) return;
  throw new Error(
    `KINPASS_DATABASE_FILE: ${file} does not exist; check the path and the folder that the command runs in`,
  );
}

/** Checks that the copy has the tables that a restore requires. */
async function assertOfKinpass({ file, url }: StoreOptions, target: string): Promise<void> {
  const isOfKinpass = url === undefined ? hasKinpassTables(target) : await hasDumpedTables(target);
  if (isOfKinpass) return;
  const database = url === undefined ? `KINPASS_DATABASE_FILE: ${file ?? ''}` : 'DATABASE_URL: the database';
  throw new Error(`${database} is not a database of Kinpass: it has none of its tables`);
}

function hasKinpassTables(target: string): boolean {
  const database = new BetterSqlite(target, { readonly: true, fileMustExist: true });
  try {
    return hasRequiredTables(database);
  } finally {
    database.close();
  }
}

/** Returns true if a SQLite database has the tables that are checked before a restore. */
export function hasRequiredTables(database: BetterSqlite.Database): boolean {
  const found = database
    .prepare("select 1 from sqlite_master where type = 'table' and name in ('schema_migrations', 'keys')")
    .all();
  return found.length === 2;
}

async function hasDumpedTables(target: string): Promise<boolean> {
  const list = await runClientTool('pg_restore', ['--list', target]);
  return ['schema_migrations', 'keys'].every((name) => list.includes(` TABLE public ${name} `));
}

const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);

/** Describes what failed and what to do, instead of the text of the engine or the system. */
function problemOf(error: unknown, from: StoreOptions, target: string): string {
  if (isTaken(error)) return `${takenPath(error) ?? target} exists already`;
  const code = codeOf(error);
  if (code === undefined) return messageOf(error);
  if (DISK_FULL_CODES.has(code)) return `no space is left for ${target}; choose a larger disk`;
  if (!code.startsWith('SQLITE_'))
    return `cannot write ${target} (${code}); choose a folder that this user can write to`;
  return `KINPASS_DATABASE_FILE: ${from.file ?? ''} cannot be read as a SQLite database (${code}); check the path and the file`;
}

/** The path may be that of an unfinished backup. */
function takenPath(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

export function sqliteFile({ file }: StoreOptions): string {
  if (file === undefined) throw new TypeError('url or file is needed');
  return file;
}

/** Writes one consistent state into an empty file. The bytes of deleted rows are not copied (sqlite.org/lang_vacuum.html). */
export function copySqlite(file: string, target: string): void {
  const database = new BetterSqlite(file, { readonly: true, fileMustExist: true });
  try {
    database.prepare('VACUUM INTO ?').run(target);
  } finally {
    database.close();
  }
}
