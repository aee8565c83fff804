import { existsSync } from 'node:fs';

import BetterSqlite from 'better-sqlite3';

import { codeOf } from './errors.ts';
import type { StoreOptions } from './index.ts';
import { runClientTool } from './postgres/client-tools.ts';
import { isTaken, writePrivateFile } from './private-file.ts';

/**
 * Copies the whole database while the service runs: SQLite by VACUUM INTO, PostgreSQL by `pg_dump`. The copy does not contain the master
 * key, which belongs in another place. Only this user can read the file.
 *
 * @param signal interrupts `pg_dump`; VACUUM INTO cannot be interrupted
 * @throws {Error} when the target exists or the copy fails; no file is left then
 */
export async function backup(from: StoreOptions, target: string, signal?: AbortSignal): Promise<void> {
  try {
    if (from.url === undefined) assertSourceExists(sqliteFile(from));
    await writePrivateFile(target, async ({ fd }) => {
      if (from.url === undefined) copySqlite(sqliteFile(from), target);
      else await runClientTool('pg_dump', ['--format=custom', '--no-owner'], { url: from.url, stdout: fd, signal });
    });
  } catch (cause) {
    throw new Error(`backup: ${problemOf(cause, from, target)}; nothing was written`, { cause });
  }
}

function assertSourceExists(file: string): void {
  if (existsSync(file)) return;
  throw new Error(
    `KINPASS_DATABASE_FILE: ${file} does not exist; check the path and the folder that the command runs in`,
  );
}

const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);

/** Describes what failed and what to do, instead of the text of the engine or the system. */
function problemOf(error: unknown, from: StoreOptions, target: string): string {
  if (isTaken(error)) return `${target} exists already`;
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  if (DISK_FULL_CODES.has(code)) return `no space is left for ${target}; choose a larger disk`;
  if (!code.startsWith('SQLITE_'))
    return `cannot write ${target} (${code}); choose a folder that this user can write to`;
  return `KINPASS_DATABASE_FILE: ${from.file ?? ''} cannot be read as a SQLite database (${code}); check the path and the file`;
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
