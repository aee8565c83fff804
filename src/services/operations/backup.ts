import { systemRandom } from '../../domain/random.ts';
import { createSecrets } from '../../platform/crypto/secrets.ts';
import type { StoreOptions } from '../../store/database/index.ts';
import { restore } from '../../store/database/restore.ts';
import { assertKeysCanBeOpened } from '../keys/key-ring.ts';

export { backup } from '../../store/database/backup.ts';

/**
 * Restores a backup where no database exists yet.
 *
 * @throws {Error} if the backup is invalid or has another master key, or if a database exists; nothing is written then
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
