import { open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { createPrivateFolder } from '../../config/private-folder.ts';

const PRIVATE_MODE = 0o600;
const PERMISSIONS = 0o777;

/**
 * Writes a new file that only this user can read, from its first byte, and syncs it to disk. A failed write leaves no file. A missing
 * folder is created with access for this user only.
 *
 * @throws {Error} `EEXIST` when a file or a symbolic link exists; nothing is written then
 */
export async function writePrivateFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  createPrivateFolder(dirname(path));
  const file = await open(path, 'wx', PRIVATE_MODE);
  try {
    await assertPrivate(file, path);
    await write(file);
    await assertPrivate(file, path);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

/** Syncs a folder, so that created, renamed and deleted files survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @throws {Error} when the file system does not keep modes */
async function assertPrivate(file: FileHandle, path: string): Promise<void> {
  const { mode } = await file.stat();
  if ((mode & PERMISSIONS & ~PRIVATE_MODE) === 0) return;
  throw new Error(`${path} would be readable by other users of this machine; choose a file system that keeps modes`);
}

/** Returns true if a write failed because the file exists. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
