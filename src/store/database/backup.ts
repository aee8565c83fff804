import BetterSqlite from 'better-sqlite3';

import type { StoreOptions } from './index.ts';
import { runTool } from './postgres-tools.ts';
import { isTaken, writePrivateFile } from './private-file.ts';

/**
 * Copies the whole database while the service runs: SQLite by VACUUM INTO, PostgreSQL by its own `pg_dump`. The master key is not in
 * the copy: keep it in another place. Only this user can read the file.
 *
 * @param signal interrupts `pg_dump`; VACUUM INTO cannot be interrupted
 * @throws {Error} when the target exists already, or the copy failed; no file is left then
 */
export async function backup(from: StoreOptions, target: string, signal?: AbortSignal): Promise<void> {
  try {
    await writePrivateFile(target, async ({ fd }) => {
      if (from.url === undefined) copySqlite(sqliteFile(from), target);
      else await runTool('pg_dump', ['--format=custom', '--no-owner'], { url: from.url, stdout: fd, signal });
    });
  } catch (cause) {
    if (!isTaken(cause)) throw cause;
    throw new Error(`backup: ${target} exists already; nothing was written`, { cause });
  }
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
