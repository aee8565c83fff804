import { mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, reasonOf } from './config-error.ts';
import { createPrivateFolder } from './private-folder.ts';

/** Moves audit entries older than `retentionDays` to archives in `folder`. */
export interface AuditArchiveSettings {
  folder: string;
  retentionDays: number;
}

/**
 * Reads the settings of the audit archive.
 *
 * @returns undefined when no retention is set
 * @throws {ConfigError} when the folder is not set, or the service cannot create files in it
 */
export function readAuditArchive(
  retentionDays: number | undefined,
  folder: string | undefined,
): AuditArchiveSettings | undefined {
  if (retentionDays === undefined) return undefined;
  if (folder === undefined) {
    throw new ConfigError('KINPASS_AUDIT_ARCHIVE_DIR: is required with KINPASS_AUDIT_RETENTION_DAYS');
  }
  assertWritable(folder);
  return { folder, retentionDays };
}

/** Creates and deletes an empty folder, because permission bits do not show whether root can write, for example in /proc. */
function assertWritable(folder: string): void {
  try {
    createPrivateFolder(folder);
    rmdirSync(mkdtempSync(join(folder, '.kinpass-')));
  } catch (cause) {
    throw new ConfigError(
      `KINPASS_AUDIT_ARCHIVE_DIR: cannot create files in ${folder} (${reasonOf(cause)}); choose a folder that this user can write to`,
      { cause },
    );
  }
}
