import { loadConfig } from '../config/load.ts';
import { backup, restore } from '../store/database/backup.ts';

/** `kinpass backup FILE`: while the service runs. */
export async function backupCommand(target: string): Promise<void> {
  await backup(loadConfig(process.env).database, target);
  process.stdout.write(`backup: written to ${target}; the master key is not in it\n`);
}

/** `kinpass restore FILE`: into an empty place, before the service starts. */
export async function restoreCommand(source: string): Promise<void> {
  await restore(loadConfig(process.env).database, source);
  process.stdout.write(`restore: done from ${source}\n`);
}
