import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createPrivateFolder } from './private-folder.ts';

/**
 * Reads the master key, which seals secrets in the database. The key is stored outside the database, so a stolen dump alone reveals no
 * sealed value.
 *
 * @param options.create creates a new key when the file does not exist (not in production)
 * @throws {Error} when the file is missing, or does not contain 32 bytes in base64
 */
export function readMasterKey(file: string, options: { create: boolean }): Buffer {
  const text = readOrCreate(file, options.create);
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32) throw new Error(`KINPASS_MASTER_KEY_FILE: ${file} must contain 32 bytes in base64`);
  return key;
}

/**
 * Returns true if users other than the service can read a file. The group may read a file that root owns, because container platforms
 * mount secrets that way. PostgreSQL has the same rule for its TLS key (ssl_key_file).
 *
 * @param processUid the user that the service runs as; undefined on systems without user ids
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
      throw new Error(`KINPASS_MASTER_KEY_FILE: cannot read ${file}; create one with: openssl rand -base64 32`, {
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
