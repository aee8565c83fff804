import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, reasonOf } from './config-error.ts';
import { createPrivateFolder } from './private-folder.ts';

const KEY_BYTES = 32;

/**
 * Reads the master key, which seals secrets in the database. The key is stored outside the database, so a stolen dump alone reveals no
 * sealed value.
 *
 * @param options.isNew true if there is no database yet. Only then may a new key replace a missing one
 * @throws {ConfigError} when the file cannot be read, or does not contain 32 bytes in base64
 */
export function readMasterKey(file: string, { isNew }: { isNew: boolean }): Buffer {
  const key = Buffer.from(read(file, isNew).trim(), 'base64');
  if (key.length === KEY_BYTES) return key;
  throw new ConfigError(
    `KINPASS_MASTER_KEY_FILE: ${file} must contain 32 bytes in base64; it is not a master key, so check the path or restore the key from its copy`,
  );
}

/** Creates a key that only this user can read, and the folder. */
export function createMasterKey(file: string): Buffer {
  createPrivateFolder(dirname(file));
  const key = randomBytes(KEY_BYTES);
  writeFileSync(file, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
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

function read(file: string, isNew: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(
      `KINPASS_MASTER_KEY_FILE: cannot read ${file} (${reasonOf(cause)}); ${adviceOf(cause, isNew)}`,
      {
        cause,
      },
    );
  }
}

/** A new key does not open an existing database, so the advice to create one is only for a first start. */
function adviceOf(error: unknown, isNew: boolean): string {
  const code = reasonOf(error);
  if (code === 'EACCES' || code === 'EPERM') return 'make this user its owner, with mode 600';
  if (code === 'EISDIR') return 'it is a folder; set the path of the key file';
  if (!isNew) return 'check the path, or restore the key from its copy';
  return 'for a first start create one: (umask 077; openssl rand -base64 32 > FILE)';
}
