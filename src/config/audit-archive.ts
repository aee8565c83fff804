import { mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import { createPrivateFolder } from './private-folder.ts';

/** Where old audit entries are moved to, and after how many days. */
export interface AuditArchiveSettings {
  folder: string;
  retentionDays: number;
}

/**
 * @returns undefined when no retention is set
 * @throws {ConfigError} when the folder is missing from the settings, or no file can be created in it
 */
export function readAuditArchive(
  retentionDays: number | undefined,
  folder: string | undefined,
): AuditArchiveSettings | undefined {
  if (retentionDays === undefined) return undefined;
  if (folder === undefined) {
    throw new ConfigError('KINPASS_AUDIT_ARCHIVE_DIR: is needed with KINPASS_AUDIT_RETENTION_DAYS');
  }
  assertWritable(folder);
  return { folder, retentionDays };
}

/** Creates and removes an empty folder: the permission bits alone do not tell whether root can write, for example in /proc. */
function assertWritable(folder: string): void {
  try {
    createPrivateFolder(folder);
    rmdirSync(mkdtempSync(join(folder, '.kinpass-')));
  } catch (cause) {
    const reason = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : String(cause);
    throw new ConfigError(
      `KINPASS_AUDIT_ARCHIVE_DIR: cannot create files in ${folder} (${reason}); choose a folder that this user can write to`,
      { cause },
    );
  }
}
