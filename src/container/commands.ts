import { messageOf } from '../platform/errors.ts';
import type { DatabaseSettings, KeySettings, MigratingSettings, RevokingSettings } from '../config/command-settings.ts';
import { systemClock, type Clock } from '../domain/clock.ts';
import { systemRandom, type Random } from '../domain/random.ts';
import { createSecrets, type Secrets } from '../platform/crypto/secrets.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import type { ClientRegistry } from '../services/access/client-registry.ts';
import { createStoredClients } from '../services/access/stored-clients.ts';
import { createAppend, type Audit } from '../services/audit/audit.ts';
import { createResetFailures, type PasswordVerifier } from '../services/authentication/password-verification.ts';
import { createOutbox, type Outbox } from '../services/notifications/outbox.ts';
import type { Store } from '../store/database/index.ts';
import { migrate } from '../store/migrate.ts';
import { nameOf, openExistingStore, openNamedStore } from '../store/open.ts';

/** Dependencies of commands that work on the database only. */
interface DatabaseDeps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  audit: Pick<Audit, 'append'>;
}

/** Services of commands that change accounts, without mail, pages and password hashing. */
export interface AccountServices extends DatabaseDeps {
  outbox: Outbox;
  passwordVerifier: Pick<PasswordVerifier, 'resetFailures'>;
}

/** Opens a database without pending migrations and closes it after the work. */
export function withDatabase<T>(settings: KeySettings, work: (deps: DatabaseDeps) => Promise<T>): Promise<T> {
  return withStore({ ...settings, migrations: 'check' }, work);
}

/** Opens the database, migrates it if the settings say so, and closes it after the work. */
export function withAccountServices<T>(
  settings: MigratingSettings,
  work: (services: AccountServices) => Promise<T>,
): Promise<T> {
  return withStore(settings, (deps) =>
    work({ ...deps, outbox: createOutbox(deps), passwordVerifier: { resetFailures: createResetFailures(deps) } }),
  );
}

/** Logs to standard error, because the standard output of a command is its result. */
function createCommandLog(): Logger {
  return createLogger('warn', process.stderr);
}

/** Applies pending migrations. Creates a missing database. @returns their tags */
export async function migrateDatabase({ database }: DatabaseSettings): Promise<string[]> {
  const store = await openNamedStore({ ...database, log: createCommandLog() });
  try {
    return await migrate(store);
  } catch (cause) {
    throw new Error(`${nameOf(database)} cannot be migrated: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    await store.close();
  }
}

async function withStore<T>(
  { database, masterKey, migrations }: MigratingSettings,
  work: (deps: DatabaseDeps) => Promise<T>,
): Promise<T> {
  const store = await openExistingStore({ ...database, log: createCommandLog() }, migrations);
  try {
    const deps = { store, clock: systemClock, random: systemRandom, secrets: createSecrets(masterKey, systemRandom) };
    return await work({ ...deps, audit: { append: createAppend(deps) } });
  } finally {
    await store.close();
  }
}

/** Returns a lookup of the clients that are notified of a sign-out: those of the file and those of the database. */
export async function createClientLookup(
  { clientsFile }: Pick<RevokingSettings, 'clientsFile'>,
  { store, clock }: Pick<DatabaseDeps, 'store' | 'clock'>,
): Promise<Pick<ClientRegistry, 'find'>> {
  const stored = createStoredClients({ store, clock, log: createLogger('error') });
  await stored.refreshAll();
  return {
    find: (clientId) => clientsFile.clients.find(({ client_id: id }) => id === clientId) ?? stored.find(clientId),
  };
}
