import { systemRandom } from '../../domain/random.ts';
import { createSecrets } from '../../platform/crypto/secrets.ts';
import type { StoreOptions } from '../../store/database/index.ts';
import { restore } from '../../store/database/restore.ts';
import { assertKeysCanBeOpened } from '../keys/key-ring.ts';

export { backup } from '../../store/database/backup.ts';

/**
 * Writes a backup into a place where no database exists yet.
 *
 * @throws {Error} when the backup is refused, also for another master key, or the place is taken; nothing is written then
 */
export async function restoreBackup(
  { database, masterKey }: { database: StoreOptions; masterKey: Buffer },
  file: string,
): Promise<void> {
  const secrets = createSecrets(masterKey, systemRandom);
  await restore(database, file, (keys) => {
    assertKeysCanBeOpened(secrets, keys);
  });
}
