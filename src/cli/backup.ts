import { loadDatabaseSettings, loadKeySettings, loadRevokingSettings } from '../config/command-settings.ts';
import { systemRandom } from '../domain/random.ts';
import { checkKeys } from '../services/keys.ts';
import { createSecrets } from '../services/secrets.ts';
import { backup } from '../store/database/backup.ts';
import { restore } from '../store/database/restore.ts';
import { revokeAll } from './sessions.ts';

/** `kinpass backup FILE`: copies the database while the service runs. */
export async function backupCommand(target: string): Promise<void> {
  const interrupt = new AbortController();
  // Without a listener the process would end at once and leave half a file.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupt.abort();
    });
  }
  await backup(loadDatabaseSettings(process.env).database, target, interrupt.signal);
  process.stdout.write(`backup: written to ${target}; the master key is not in it\n`);
}

const OFFER = `restore: sessions, tokens and reset links of that time are valid again, also those that ended since then
restore: to end all of them before the service starts: kinpass sessions revoke-all
`;

/** `kinpass restore FILE [--revoke-sessions]`: puts a backup into an empty place, before the service starts. */
export async function restoreCommand(source: string, options: { revokeSessions: boolean }): Promise<void> {
  const revoking = options.revokeSessions ? loadRevokingSettings(process.env) : undefined;
  const { database, masterKey } = revoking ?? loadKeySettings(process.env);
  const secrets = createSecrets(masterKey, systemRandom);
  await restore(database, source, (keys) => {
    checkKeys(secrets, keys);
  });
  process.stdout.write(`restore: done from ${source}\n`);
  if (revoking === undefined) {
    process.stdout.write(OFFER);
    return;
  }
  await revokeAll(revoking, 'restore').catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`restore: the database is there, but sessions were not revoked: ${problem}`, { cause });
  });
}
