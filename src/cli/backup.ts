import { messageOf } from '../platform/errors.ts';
import { loadDatabaseSettings, loadKeySettings, loadRevokingSettings } from '../config/command-settings.ts';
import { parseNonEmpty, type CliCommand } from './command.ts';
import { print } from './output.ts';
import { revokeAll } from './sessions.ts';

export function addBackupCommands(program: CliCommand): void {
  program
    .command('backup')
    .description('copy the database, without the master key, while the service runs')
    .argument('<file>', 'the file to write; it must not exist', parseNonEmpty)
    .example('kinpass backup /backup/kinpass-2026-07-01')
    .action(writeBackup);
  program
    .command('restore')
    .description('put a backup where no database exists yet, before the service starts')
    .argument('<file>', 'a file that "kinpass backup" wrote', parseNonEmpty)
    .option('--revoke-sessions', 'revoke all sessions, tokens and reset links in the backup')
    .example('kinpass restore /backup/kinpass-2026-07-01 --revoke-sessions')
    .action(restore);
}

async function writeBackup(file: string): Promise<void> {
  const { backup } = await import('../services/operations/backup.ts');
  const interrupt = new AbortController();
  // Without a listener the process would end at once and leave an incomplete file.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupt.abort();
    });
  }
  await backup(loadDatabaseSettings(process.env).database, file, interrupt.signal);
  print(`backup: written to ${file}; the master key is not in it`);
}

const NOT_REVOKED = `restore: sessions, tokens and reset links in the backup are valid again, also those that ended after it was made
restore: to revoke them before the service starts, run: kinpass sessions revoke-all`;

async function restore(file: string, { revokeSessions }: { revokeSessions?: true }): Promise<void> {
  const { restoreBackup } = await import('../services/operations/backup.ts');
  // Loaded first, so that a missing setting for the revocation stops the restore too.
  const revoking = revokeSessions === true ? loadRevokingSettings(process.env) : undefined;
  await restoreBackup(revoking ?? loadKeySettings(process.env), file);
  print(`restore: done from ${file}`);
  if (revoking === undefined) {
    print(NOT_REVOKED);
    return;
  }
  await revokeAll(revoking, 'restore').catch((cause: unknown) => {
    const problem = messageOf(cause);
    throw new Error(`restore: the database is there, but sessions were not revoked: ${problem}`, { cause });
  });
}
