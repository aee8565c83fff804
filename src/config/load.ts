import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { z } from 'zod';
import { HOUR_SECONDS } from '../domain/duration.ts';
import { readAuditArchive, type AuditArchiveSettings } from './audit-archive.ts';
import type { AddressRules } from './client-addresses.ts';
import { checkClientsFile, type ClientsFile } from './clients-file.ts';
import { ConfigError } from './config-error.ts';
import type { ConformanceFacts } from './conformance-checks.ts';
import { listAddresses, type ListenAddress } from './listen-addresses.ts';
import { readDirectory, type DirectorySettings } from './directory.ts';
import { environmentSchema } from './environment.ts';
import { isLoopbackHost } from './loopback.ts';
import { readEnvironment, type Environment } from './environment-reader.ts';
import { createMasterKey, isReadableByOthers, readMasterKey } from './master-key.ts';
import type { UnsafeFacts } from './startup-checks.ts';
import { readTls, type Tls } from './tls.ts';

export interface Config {
  profile: 'production' | 'development' | 'conformance';
  nodeEnv: string | undefined;
  issuer: string;
  host: string;
  port: number;
  metrics: { host: string; port: number } | undefined;
  tls: Tls | undefined;
  trustedProxies: readonly string[];
  masterKey: Buffer;
  /** True if users other than the owner can read the key file. */
  isMasterKeyExposed: boolean;
  database: { url?: string; file?: string };
  /** SQLite files that every user of the machine can read. */
  exposedDatabaseFiles: readonly string[];
  migrations: 'apply' | 'check';
  /** The clients file as it was at the start, and its path. */
  clientsFile: ClientsFile;
  clientsFilePath: string;
  mail: { smtpUrl: string; from: string; requireTls: boolean };
  brandFile: string;
  password: { minLength: number };
  humanCheckFailures: number;
  /** Idle seconds after which a session expires; undefined: only the absolute limits apply. */
  sessionIdleSeconds: number | undefined;
  keyRotationDays: number;
  hashing: { memoryKib: number; passes: number; threads: number; queueLimit: number };
  allowPrivateLogoutAddresses: boolean;
  /** True if clients with private addresses for keys or logout can be registered. Outside production, a call to them fails later. */
  acceptsPrivateAddresses: boolean;
  /** The LDAP directory; undefined: off. */
  directory: DirectorySettings | undefined;
  /** Undefined: audit entries stay in the database. */
  auditArchive: AuditArchiveSettings | undefined;
  /** Milliseconds that a stopping node continues to serve requests. */
  drainMs: number;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Longer than most load balancers need to detect that a node is not ready. */
const DEFAULT_DRAIN_SECONDS = 5;

/**
 * Upper limit of the default number of hash threads. The main thread needs up to 0.4 of the time of a hash for the rest of a sign-in
 * (docs/decisions/0012-cost-of-a-request.md), so it is busy with the sign-ins of three threads. Further threads only use memory.
 */
const MAX_DEFAULT_HASH_THREADS = 4;

type Undefinable<T> = { [K in keyof T]?: T[K] | undefined };

/** What a check of the start needs to know besides the problems of the settings; a part whose setting is invalid is missing. */
export interface ConfigParts extends Undefinable<UnsafeFacts & Pick<ConformanceFacts, 'clientsFile' | 'nodeEnv'>> {
  profile?: Config['profile'] | undefined;
  /** True if a certificate is set, also an invalid one. */
  hasTls: boolean;
  trustedProxies?: Config['trustedProxies'] | undefined;
  clockCheck?: 'refuse' | 'warn' | undefined;
  /** Those whose settings are valid. */
  addresses: readonly ListenAddress[];
  database?: Config['database'] | undefined;
  masterKey?: Buffer | undefined;
  migrations?: Config['migrations'] | undefined;
  brandFile?: string | undefined;
}

/** The configuration, as far as it is valid. */
export interface ConfigDraft {
  /** Undefined when there is a problem. Creates the master key where the profile allows it. */
  complete: (() => Config) | undefined;
  problems: readonly string[];
  parts: ConfigParts;
}

/**
 * Reads and validates the configuration, and freezes it.
 *
 * @throws {ConfigError} that lists all problems
 */
export function loadConfig(env: Environment): Config {
  const { complete, problems } = draftConfig(env);
  if (complete === undefined) throw new ConfigError(problems.join('\n'));
  return complete();
}

/** Reads the environment and all files that it names. A problem of one does not hide those of the others. Creates nothing. */
export function draftConfig(env: Environment): ConfigDraft {
  const { settings, valid: each, problems: invalid } = readEnvironment(environmentSchema, env);
  // A wrong URL does not mean the SQLite file.
  const isUrlWrong = env['DATABASE_URL'] !== undefined && each.DATABASE_URL === undefined;
  const valid = isUrlWrong ? { ...each, KINPASS_DATABASE_FILE: undefined } : each;
  const problems = [...invalid];
  const invalidNames = new Set(invalid.map(settingOf));
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // An invalid setting is not missing as well.
      const lines = error.message.split('\n').filter((line) => !invalidNames.has(settingOf(line)));
      problems.push(...lines);
      return undefined;
    }
  };
  const masterKey = attempt(() => readKey(valid));
  const clientsFile = attempt(() => readClients(valid));
  const tls = attempt(() => readTls(valid.KINPASS_TLS_CERT_FILE, valid.KINPASS_TLS_KEY_FILE));
  const directory = attempt(() => readDirectory(valid));
  const auditArchive = attempt(() =>
    readAuditArchive(valid.KINPASS_AUDIT_RETENTION_DAYS, valid.KINPASS_AUDIT_ARCHIVE_DIR),
  );
  const parts = { ...partsOf(valid), masterKey, clientsFile };
  if (settings === undefined || clientsFile === undefined || problems.length > 0) {
    return { complete: undefined, problems, parts };
  }
  const complete = (): Config =>
    toConfig(settings, {
      clientsFile,
      tls,
      directory,
      auditArchive,
      masterKey: masterKey ?? createMasterKey(settings.KINPASS_MASTER_KEY_FILE),
    });
  return { complete, problems, parts };
}

/** Returns the name of the setting that a line of problems begins with. */
function settingOf(problem: string): string {
  return problem.split(':', 1)[0] ?? '';
}

type Settings = z.output<typeof environmentSchema>;
type ValidSettings = Undefinable<Settings>;
type FileParts = Pick<Config, 'clientsFile' | 'tls' | 'directory' | 'auditArchive' | 'masterKey'>;

/** @returns undefined when the profile allows to create the key, and no database needs an existing one */
function readKey(e: ValidSettings): Buffer | undefined {
  const { KINPASS_MASTER_KEY_FILE: file, KINPASS_DATABASE_FILE: databaseFile, DATABASE_URL: url } = e;
  if (file === undefined) return undefined;
  const hasFile = url === undefined && databaseFile !== undefined;
  const isNew = hasFile && !existsSync(databaseFile);
  if (e.KINPASS_PROFILE !== 'production' && (isNew || !hasFile) && !existsSync(file)) return undefined;
  return readMasterKey(file, { isNew });
}

function readClients(e: ValidSettings): ClientsFile | undefined {
  if (e.KINPASS_CLIENTS_FILE === undefined) return undefined;
  const { KINPASS_PROFILE: profile = 'production', KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: isAllowed = false } = e;
  const acceptsPrivateAddresses = profile !== 'production' || isAllowed;
  const rules = addressRulesOf({ profile, acceptsPrivateAddresses });
  const { clients, resourceServers, problems } = checkClientsFile(e.KINPASS_CLIENTS_FILE, rules);
  if (problems.length === 0) return { clients, resourceServers };
  throw new ConfigError(problems.map((problem) => `KINPASS_CLIENTS_FILE: ${problem}`).join('\n'));
}

function partsOf(e: ValidSettings): ConfigParts {
  const { KINPASS_DATABASE_FILE, DATABASE_URL, KINPASS_HASH_MEMORY_KIB: memoryKib, KINPASS_HASH_PASSES: passes } = e;
  const database =
    KINPASS_DATABASE_FILE === undefined ? undefined : databaseOf({ KINPASS_DATABASE_FILE, DATABASE_URL });
  return {
    profile: e.KINPASS_PROFILE,
    nodeEnv: e.NODE_ENV,
    issuer: e.KINPASS_ISSUER,
    hasTls: e.KINPASS_TLS_CERT_FILE !== undefined || e.KINPASS_TLS_KEY_FILE !== undefined,
    trustedProxies: e.KINPASS_TRUSTED_PROXIES,
    clockCheck: e.KINPASS_CLOCK_CHECK,
    addresses: listAddresses(e),
    mail: e.KINPASS_MAIL_FROM === undefined ? undefined : { from: e.KINPASS_MAIL_FROM },
    hashing: memoryKib === undefined || passes === undefined ? undefined : { memoryKib, passes },
    isMasterKeyExposed: e.KINPASS_MASTER_KEY_FILE !== undefined && isExposed(e.KINPASS_MASTER_KEY_FILE),
    exposedDatabaseFiles: database === undefined ? [] : listExposed(database),
    database,
    migrations: e.KINPASS_MIGRATIONS,
    brandFile: e.KINPASS_BRAND_FILE,
  };
}

function toConfig(e: Settings, files: FileParts): Config {
  const production = e.KINPASS_PROFILE === 'production';
  return Object.freeze({
    profile: e.KINPASS_PROFILE,
    nodeEnv: e.NODE_ENV,
    issuer: e.KINPASS_ISSUER,
    host: e.KINPASS_HOST,
    port: e.KINPASS_PORT,
    metrics:
      e.KINPASS_METRICS_PORT === undefined ? undefined : { host: e.KINPASS_METRICS_HOST, port: e.KINPASS_METRICS_PORT },
    ...files,
    trustedProxies: e.KINPASS_TRUSTED_PROXIES,
    isMasterKeyExposed: isExposed(e.KINPASS_MASTER_KEY_FILE),
    database: databaseOf(e),
    exposedDatabaseFiles: listExposed(databaseOf(e)),
    migrations: e.KINPASS_MIGRATIONS,
    clientsFilePath: e.KINPASS_CLIENTS_FILE,
    mail: mailOf(e),
    brandFile: e.KINPASS_BRAND_FILE,
    password: { minLength: e.KINPASS_PASSWORD_MIN_LENGTH },
    humanCheckFailures: e.KINPASS_HUMAN_CHECK_FAILURES,
    sessionIdleSeconds:
      e.KINPASS_SESSION_IDLE_HOURS === undefined ? undefined : Math.round(e.KINPASS_SESSION_IDLE_HOURS * HOUR_SECONDS),
    keyRotationDays: e.KINPASS_KEY_ROTATION_DAYS,
    hashing: {
      memoryKib: e.KINPASS_HASH_MEMORY_KIB,
      passes: e.KINPASS_HASH_PASSES,
      threads: e.KINPASS_HASH_THREADS ?? Math.min(availableParallelism(), MAX_DEFAULT_HASH_THREADS),
      queueLimit: e.KINPASS_HASH_QUEUE_LIMIT,
    },
    allowPrivateLogoutAddresses: e.KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES,
    acceptsPrivateAddresses: !production || e.KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES,
    drainMs: (e.KINPASS_DRAIN_SECONDS ?? (production ? DEFAULT_DRAIN_SECONDS : 0)) * 1000,
    logLevel: e.KINPASS_LOG_LEVEL,
  });
}

/** Returns the rules for addresses in the clients file. */
export function addressRulesOf({
  profile,
  acceptsPrivateAddresses,
}: Pick<Config, 'profile' | 'acceptsPrivateAddresses'>): AddressRules {
  return { isProduction: profile === 'production', acceptsPrivateAddresses };
}

export function mailOf(
  e: Pick<Settings, 'KINPASS_PROFILE' | 'KINPASS_SMTP_URL' | 'KINPASS_MAIL_FROM'>,
): Config['mail'] {
  return {
    smtpUrl: e.KINPASS_SMTP_URL,
    from: e.KINPASS_MAIL_FROM,
    // Mail to a server on the same machine never crosses a network.
    requireTls: e.KINPASS_PROFILE === 'production' && !isLoopbackHost(new URL(e.KINPASS_SMTP_URL).hostname),
  };
}

/** Selects the database; PostgreSQL takes precedence over the file. */
export function databaseOf(e: {
  DATABASE_URL?: string | undefined;
  KINPASS_DATABASE_FILE: string;
}): Config['database'] {
  return e.DATABASE_URL === undefined ? { file: e.KINPASS_DATABASE_FILE } : { url: e.DATABASE_URL };
}

/** Lists SQLite files that all users can access. Ignores group bits, which container platforms set on volumes. */
function listExposed({ file, url }: Config['database']): string[] {
  if (process.getuid === undefined || file === undefined || url !== undefined) return [];
  const files = ['', '-wal', '-shm'].map((ending) => file + ending);
  return files.filter((one) => ((statSync(one, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0);
}

function isExposed(keyFile: string): boolean {
  const found = statSync(keyFile, { throwIfNoEntry: false });
  return found?.isFile() === true && isReadableByOthers(found, process.getuid?.());
}
