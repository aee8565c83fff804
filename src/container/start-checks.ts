import { existsSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { draftConfig, type Config, type ConfigParts } from '../config/load.ts';
import type { Environment } from '../config/environment-reader.ts';
import { listUnsafeData, listUnsafeSettings } from '../config/startup-checks.ts';
import type { Clock } from '../domain/clock.ts';
import { MINUTE_MS } from '../domain/duration.ts';
import { systemRandom } from '../domain/random.ts';
import { createSecrets } from '../platform/crypto/secrets.ts';
import { loadBrand } from '../presentation/brand.ts';
import { assertKeysCanBeOpened } from '../services/keys/key-ring.ts';
import { findLatestTime } from '../store/clock.ts';
import type { Store, StoreLog } from '../store/database/index.ts';
import { pendingMigrations, readMigrations } from '../store/migrate.ts';
import { listKeys } from '../store/oidc/keys.ts';
import { nameOf, openNamedStore } from '../store/open.ts';
import { hasExampleLogins } from '../store/people/people.ts';
import { countDemoSchools } from '../store/people/schools.ts';
import { probeWrite } from '../store/write-probe.ts';

interface Deps {
  clock: Clock;
  log: StoreLog;
}

/**
 * Checks the settings, the files that they name, and the database, and changes nothing.
 *
 * @throws {ConfigError} that lists all problems, so that an operator can fix all of them at once
 */
export async function checkStart(env: Environment, deps: Deps): Promise<() => Config> {
  const { complete, problems: invalid, parts } = draftConfig(env);
  const problems = [...invalid];
  if (parts.profile === 'production') problems.push(...listUnsafeSettings(parts));
  if (parts.brandFile !== undefined) problems.push(...listErrors(parts.brandFile, loadBrand));
  problems.push(...(await listDatabaseProblems(parts, deps)));
  if (complete === undefined || problems.length > 0) throw new ConfigError(problems.join('\n'));
  return complete;
}

function listErrors<T>(value: T, check: (value: T) => unknown): string[] {
  try {
    check(value);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function listDatabaseProblems(parts: ConfigParts, deps: Deps): Promise<string[]> {
  const { database } = parts;
  if (database === undefined) return [];
  if (database.url === undefined && !existsSync(database.file ?? '')) return listFolderProblems(database.file ?? '');
  let store: Store;
  try {
    store = await openNamedStore({ ...database, log: deps.log });
  } catch (error) {
    return [messageOf(error)];
  }
  try {
    return await inspect(store, nameOf(database), parts, deps);
  } catch (error) {
    return [`${nameOf(database)} cannot be used: ${messageOf(error)}`];
  } finally {
    await store.close();
  }
}

/** Checks that a database can be created. */
async function listFolderProblems(file: string): Promise<string[]> {
  let folder = dirname(resolve(file));
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
    await access(folder, constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
    return [
      `KINPASS_DATABASE_FILE: ${file} cannot be created (${reason}); choose a folder that this user can write to`,
    ];
  }
}

async function inspect(store: Store, name: string, parts: ConfigParts, { clock }: Deps): Promise<string[]> {
  const pending = await pendingMigrations(store);
  // An empty database has nothing to check.
  if (pending.length === (await readMigrations(store.dialect)).length) return [];
  const problems = await listWrongKey(store, parts);
  if (pending.length > 0) {
    if (parts.migrations === 'check') {
      problems.push(
        `KINPASS_MIGRATIONS: migrations are pending (${pending.join(', ')}); run "kinpass migrate", or set apply`,
      );
    }
    return problems;
  }
  if (parts.profile === 'production') {
    problems.push(
      ...(await store.read(async (tx) =>
        listUnsafeData({ demoSchools: await countDemoSchools(tx), hasExampleLogins: await hasExampleLogins(tx) }),
      )),
    );
  }
  return [...problems, ...(await listWriteProblems(store, name)), ...(await listClockProblems(store, clock))];
}

async function listWrongKey(store: Store, { masterKey }: ConfigParts): Promise<string[]> {
  if (masterKey === undefined) return [];
  const secrets = createSecrets(masterKey, systemRandom);
  const keys = await store.read((tx) => listKeys(tx));
  return listErrors(keys, (present) => {
    assertKeysCanBeOpened(secrets, present);
  });
}

async function listWriteProblems(store: Store, name: string): Promise<string[]> {
  try {
    await store.write(probeWrite);
    return [];
  } catch (error) {
    return [`${name} takes no writes: ${messageOf(error)}; connect to the primary server, or free space on its disk`];
  }
}

/** Nodes and the database differ by less than this. Codes, sessions and tokens of a clock that is further behind live too long. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * MINUTE_MS;

async function listClockProblems(store: Store, clock: Clock): Promise<string[]> {
  const latest = await findLatestTime(store);
  const now = clock.now();
  if (latest === undefined || latest.at - now <= MAX_CLOCK_DIFFERENCE_MS) return [];
  const [own, other] = [now, latest.at].map((time) => new Date(time).toISOString());
  return [`clock: this machine has ${own}, but ${latest.source} has ${other}; set the clock of this machine (NTP)`];
}
