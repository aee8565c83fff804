import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createPrivateFolder } from './private-folder.ts';

/**
 * Reads the master key that seals what must not be in clear text in the database. It is kept outside the database, so that a stolen
 * dump alone signs no one in and shows no sealed value.
 *
 * @param options.create makes a new key when the file does not exist (development only)
 * @throws {Error} when the file is missing, or does not hold 32 bytes in base64
 */
export function readMasterKey(file: string, options: { create: boolean }): Buffer {
  const text = readOrCreate(file, options.create);
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32) throw new Error(`KINPASS_MASTER_KEY_FILE: ${file} must hold 32 bytes in base64`);
  return key;
}

/**
 * Whether others than the service can read a file. The group of a file that root owns may, because container platforms hand
 * secrets over like that; PostgreSQL draws the line in the same place for its TLS key (ssl_key_file).
 *
 * @param processUid the user that the service runs as; undefined where there are none
 */
export function isReadableByOthers(file: { mode: number; uid: number }, processUid: number | undefined): boolean {
  if (processUid === undefined) return false;
  return (file.mode & (file.uid === 0 && processUid !== 0 ? 0o037 : 0o077)) !== 0;
}

function readOrCreate(file: string, create: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!isMissing(error) || !create) {
      throw new Error(`KINPASS_MASTER_KEY_FILE: cannot read ${file}. Make one with: openssl rand -base64 32`, {
        cause: error,
      });
    }
    createPrivateFolder(dirname(file));
    const text = randomBytes(32).toString('base64');
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
    return text;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
