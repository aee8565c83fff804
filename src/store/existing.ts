import { existsSync } from 'node:fs';
import { codeOf } from './database/errors.ts';
import { openStore, type Store, type StoreOptions } from './database/index.ts';
import { migrate, pendingMigrations, readMigrations } from './migrate.ts';

/**
 * Opens an existing database. It creates nothing, because a wrong path must not leave an empty database.
 *
 * @param migrations `apply` brings the database up to date; `check` refuses it while migrations are pending
 * @throws {Error} with one sentence when the database is missing, cannot be opened, is not of Kinpass, or is not up to date
 */
export async function openExistingStore(options: StoreOptions, migrations: 'apply' | 'check'): Promise<Store> {
  const name =
    options.url === undefined ? `KINPASS_DATABASE_FILE: ${options.file ?? ''}` : 'DATABASE_URL: the database';
  if (options.url === undefined && !existsSync(options.file ?? '')) {
    throw new Error(`${name} does not exist; check the path and the folder that the command runs in`);
  }
  const store = await openStore(options).catch((cause: unknown) => {
    throw new Error(`${name} cannot be opened: ${reasonOf(cause)}`, { cause });
  });
  try {
    const pending = await pendingMigrations(store);
    if (pending.length === (await readMigrations(store.dialect)).length) {
      throw new Error(`${name} is not a database of Kinpass: it has none of its tables`);
    }
    if (migrations === 'apply') await migrate(store);
    else if (pending.length > 0) {
      throw new Error(`${name} is older than this program; start the service once to apply ${pending.join(', ')}`);
    }
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message.split('\n')[0] : undefined;
  return [message, codeOf(error)].find((text) => text !== undefined && text !== '') ?? 'unknown reason';
}
