import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, copyFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import BetterSqlite from 'better-sqlite3';

import type { StoreOptions } from './index.ts';

/**
 * Copies the whole database while the service runs: SQLite page by page into one file, PostgreSQL by its own `pg_dump`. The
 * master key is not in it, and must not be: keep it in another place.
 *
 * @throws {Error} when the target exists already, or the copy did not work
 */
export async function backup(from: StoreOptions, target: string): Promise<void> {
  if (await exists(target)) throw new Error(`backup: ${target} exists already; nothing was written`);
  await mkdir(dirname(target), { recursive: true });
  if (from.url !== undefined) {
    await run('pg_dump', from.url, ['--format=custom', '--no-owner', `--file=${target}`]);
    return;
  }
  const database = new BetterSqlite(sqliteFile(from), { readonly: true, fileMustExist: true });
  try {
    await database.backup(target);
  } finally {
    database.close();
  }
}

/**
 * Puts a backup into a place where no database is yet.
 *
 * @throws {Error} when there is one already, or the backup is damaged; nothing is overwritten
 */
export async function restore(to: StoreOptions, source: string): Promise<void> {
  if (to.url !== undefined) {
    // Stops at the first thing that is there already, and takes everything back.
    await run('pg_restore', to.url, ['--exit-on-error', '--single-transaction', '--no-owner', source]);
    return;
  }
  checkWhole(source);
  const file = sqliteFile(to);
  await mkdir(dirname(file), { recursive: true });
  await copyFile(source, file, constants.COPYFILE_EXCL).catch((cause: unknown) => {
    throw new Error(`restore: ${file} could not be written; does a database lie there already?`, { cause });
  });
}

function sqliteFile({ file }: StoreOptions): string {
  if (file === undefined) throw new TypeError('url or file is needed');
  return file;
}

function checkWhole(source: string): void {
  const database = new BetterSqlite(source, { readonly: true, fileMustExist: true });
  try {
    if (database.pragma('integrity_check', { simple: true }) !== 'ok') throw new Error(`restore: ${source} is damaged`);
  } finally {
    database.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The password goes by the environment: everybody on the machine can read a command line. */
async function run(command: string, url: string, args: readonly string[]): Promise<void> {
  const address = new URL(url);
  const env = { ...process.env, PGPASSWORD: decodeURIComponent(address.password) };
  address.password = '';
  const child = spawn(command, [`--dbname=${address.href}`, ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new Error(`${command} could not be started; it comes with PostgreSQL's client programs`, { cause }));
    });
    child.on('close', resolve);
  });
  if ((await ended) !== 0) throw new Error(`${command} failed`);
}
