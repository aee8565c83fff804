import { existsSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigError, reasonOf } from '../config/config-error.ts';
import { listConformanceProblems } from '../config/conformance-checks.ts';
import type { ListenAddress } from '../config/listen-addresses.ts';
import { draftConfig, type Config, type ConfigParts } from '../config/load.ts';
import type { Environment } from '../config/environment-reader.ts';
import { listUnsafeData, listUnsafeSettings } from '../config/startup-checks.ts';
import type { Clock } from '../domain/clock.ts';
import { MINUTE_MS } from '../domain/duration.ts';
import { systemRandom } from '../domain/random.ts';
import { createSecrets } from '../platform/crypto/secrets.ts';
import { messageOf } from '../platform/errors.ts';
import { loadBrand } from '../presentation/brand.ts';
import { assertKeysCanBeOpened } from '../services/keys/key-ring.ts';
import { findLatestTime } from '../store/clock.ts';
import type { Store, StoreLog } from '../store/database/index.ts';
import { pendingMigrations, readMigrations } from '../store/migrate.ts';
import { listKeys } from '../store/oidc/keys.ts';
import { nameOf, openNamedStore } from '../store/open.ts';
import { hasExampleLogins } from '../store/people/people.ts';
import { countCitySchools, countDemoSchools } from '../store/people/schools.ts';
import { probeWrite } from '../store/write-probe.ts';

interface Deps {
  clock: Clock;
  log: StoreLog;
  /** Absent for `config check`: a running service has its ports open. */
  listPortProblems?: (addresses: readonly ListenAddress[]) => Promise<string[]>;
}

/** A configuration with which the service can start. */
interface CheckedStart {
  complete: () => Config;
  warnings: readonly string[];
}

/**
 * Checks the settings, the files that they name, the database, and optionally the ports, and changes nothing.
 *
 * @throws {ConfigError} that lists all problems, so that an operator can fix all of them at once
 */
export async function checkStart(env: Environment, deps: Deps): Promise<CheckedStart> {
  const { complete, problems: invalid, parts } = draftConfig(env);
  const problems = [...invalid];
  if (parts.profile === 'production') problems.push(...listUnsafeSettings(parts));
  if (parts.brandFile !== undefined) problems.push(...listErrors(parts.brandFile, loadBrand));
  const warnings = listWarnings(parts);
  const { problems: ofDatabase, citySchools, clock } = await inspectDatabase(parts, deps);
  problems.push(...ofDatabase, ...listConformanceProblems({ ...parts, citySchools }));
  (parts.clockCheck === 'warn' ? warnings : problems).push(...clock);
  problems.push(...((await deps.listPortProblems?.(parts.addresses)) ?? []));
  if (complete === undefined || problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { complete, warnings };
}

function listWarnings({ profile, trustedProxies }: ConfigParts): string[] {
  // Production is always behind a proxy, because it serves no https.
  return profile === 'production' && trustedProxies?.length === 0
    ? ['KINPASS_TRUSTED_PROXIES: is not set; without the address of the proxy all people count as one network']
    : [];
}

function listErrors<T>(value: T, check: (value: T) => unknown): string[] {
  try {
    check(value);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** What a check of the database found. */
interface DatabaseFindings {
  problems: readonly string[];
  /** Number of schools of a real city. */
  citySchools: number;
  /** One line if the clock is behind. */
  clock: readonly string[];
}

async function inspectDatabase(parts: ConfigParts, deps: Deps): Promise<DatabaseFindings> {
  const { database } = parts;
  if (database === undefined) return found([]);
  if (database.url === undefined && !existsSync(database.file ?? '')) {
    return found(await listFolderProblems(database.file ?? ''));
  }
  let store: Store;
  try {
    store = await openNamedStore({ ...database, log: deps.log });
  } catch (error) {
    return found([messageOf(error)]);
  }
  try {
    return await inspect(store, nameOf(database), parts, deps);
  } catch (error) {
    return found([`${nameOf(database)} cannot be used: ${messageOf(error)}`]);
  } finally {
    await store.close();
  }
}

function found(problems: readonly string[]): DatabaseFindings {
  return { problems, citySchools: 0, clock: [] };
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
    return [
      `KINPASS_DATABASE_FILE: ${file} cannot be created (${reasonOf(error)}); choose a folder that this user can write to`,
    ];
  }
}

async function inspect(store: Store, name: string, parts: ConfigParts, { clock }: Deps): Promise<DatabaseFindings> {
  const pending = await pendingMigrations(store);
  // An empty database has nothing to check.
  if (pending.length === (await readMigrations(store.dialect)).length) return found([]);
  const problems = await listWrongKey(store, parts);
  if (pending.length > 0) {
    if (parts.migrations === 'check') {
      problems.push(
        `KINPASS_MIGRATIONS: migrations are pending (${pending.join(', ')}); run "kinpass migrate", or set apply`,
      );
    }
    return found(problems);
  }
  if (parts.profile === 'production') {
    problems.push(
      ...(await store.read(async (tx) =>
        listUnsafeData({ demoSchools: await countDemoSchools(tx), hasExampleLogins: await hasExampleLogins(tx) }),
      )),
    );
  }
  problems.push(...(await listWriteProblems(store, name)));
  const citySchools = await store.read((tx) => countCitySchools(tx));
  return { problems, citySchools, clock: await listClockProblems(store, clock) };
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
  return [
    `clock: this machine has ${own}, but ${latest.source} has ${other}; set the clock of this machine (NTP). If this machine is right, the other time was written with a wrong clock: set KINPASS_CLOCK_CHECK=warn until it has passed`,
  ];
}
