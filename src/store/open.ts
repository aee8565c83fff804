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
  const name = nameOf(options);
  if (options.url === undefined && !existsSync(options.file ?? '')) {
    throw new Error(`${name} does not exist; check the path and the folder that the command runs in`);
  }
  const store = await openNamedStore(options);
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

/** Opens a database and creates it if needed. @throws {Error} with one sentence that names the setting */
export function openNamedStore(options: StoreOptions): Promise<Store> {
  return openStore(options).catch((cause: unknown) => {
    throw new Error(`${nameOf(options)} cannot be opened: ${reasonOf(cause, options)}`, { cause });
  });
}

/** Returns the setting and the place of a database, for messages. */
export function nameOf({ file, url }: StoreOptions): string {
  return url === undefined ? `KINPASS_DATABASE_FILE: ${file ?? ''}` : 'DATABASE_URL: the database';
}

/** node-postgres gives this error no code. */
const MISSING_PASSWORD = /client password must be a (?:non-empty )?string/;
/** `invalid_password` (PostgreSQL manual, appendix A). */
const INVALID_PASSWORD = '28P01';

const UNREACHABLE = 'check the host and the port in the URL, and that the server runs';
/** What to do about an error of node-postgres or of the server. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  [INVALID_PASSWORD]: 'check the user and the password in the URL',
  // invalid_catalog_name
  '3D000': 'create the database, or correct its name in the URL',
};

function reasonOf(error: unknown, { url }: StoreOptions): string {
  const message = error instanceof Error ? error.message.split('\n')[0] : undefined;
  const hasPassword = url === undefined || new URL(url).password !== '' || process.env['PGPASSWORD'] !== undefined;
  if (!hasPassword && (MISSING_PASSWORD.test(message ?? '') || codeOf(error) === INVALID_PASSWORD)) {
    return 'the server asks for a password and the URL has none; write postgres://user:password@host/database';
  }
  const code = codeOf(error);
  const reason = [message, code].find((text) => text !== undefined && text !== '') ?? 'unknown reason';
  const advice = url === undefined || code === undefined ? undefined : ADVICE[code];
  return advice === undefined ? reason : `${reason}; ${advice}`;
}
