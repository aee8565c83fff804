import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a folder and its missing parents with access for this user only. Does not use `mkdir` with `recursive`, which never returns
 * in /proc: the parent exists, but the system reports ENOENT.
 *
 * @throws {Error} when a folder cannot be created
 */
export function createPrivateFolder(path: string): void {
  if (exists(path)) return;
  const parent = dirname(path);
  if (parent !== path) createPrivateFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it in the meantime.
    if (!exists(path)) throw error;
  }
}

/** @throws {Error} when a file has this name */
function exists(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === false) throw new Error(`${path} is not a folder`);
  return found !== undefined;
}
