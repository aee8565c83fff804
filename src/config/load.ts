import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { HOUR_SECONDS } from '../domain/duration.ts';
import { readAuditArchive, type AuditArchiveSettings } from './audit-archive.ts';
import type { AddressRules } from './client-addresses.ts';
import { loadClientsFile, type ClientsFile } from './clients-file.ts';
import { ConfigError } from './config-error.ts';
import { readDirectory, type DirectorySettings } from './directory.ts';
import { environmentSchema } from './environment.ts';
import { isLoopbackHost } from './loopback.ts';
import { isReadableByOthers, readMasterKey } from './master-key.ts';
import { PROGRAM_FOLDER } from './program-folder.ts';
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

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and validates the configuration, and freezes it.
 *
 * @throws {ConfigError} that lists each invalid setting
 * @throws {Error} that lists each invalid client with its line and field
 */
export function loadConfig(env: Environment): Config {
  const e = parseEnvironment(environmentSchema, env);
  const production = e.KINPASS_PROFILE === 'production';
  const acceptsPrivateAddresses = !production || e.KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES;
  const rules = addressRulesOf({ profile: e.KINPASS_PROFILE, acceptsPrivateAddresses });
  const clientsFile = loadClientsFile(e.KINPASS_CLIENTS_FILE, rules);
  const tls = readTls(e.KINPASS_TLS_CERT_FILE, e.KINPASS_TLS_KEY_FILE);
  // Last of the files, because it creates a missing key outside production.
  const masterKey = readMasterKey(e.KINPASS_MASTER_KEY_FILE, { create: !production });
  return Object.freeze({
    profile: e.KINPASS_PROFILE,
    nodeEnv: e.NODE_ENV,
    issuer: e.KINPASS_ISSUER,
    host: e.KINPASS_HOST,
    port: e.KINPASS_PORT,
    metrics:
      e.KINPASS_METRICS_PORT === undefined ? undefined : { host: e.KINPASS_METRICS_HOST, port: e.KINPASS_METRICS_PORT },
    tls,
    trustedProxies: e.KINPASS_TRUSTED_PROXIES,
    masterKey,
    isMasterKeyExposed: isReadableByOthers(statSync(e.KINPASS_MASTER_KEY_FILE), process.getuid?.()),
    database: databaseOf(e),
    exposedDatabaseFiles: e.DATABASE_URL === undefined ? listExposed(e.KINPASS_DATABASE_FILE) : [],
    migrations: e.KINPASS_MIGRATIONS,
    clientsFile,
    clientsFilePath: e.KINPASS_CLIENTS_FILE,
    mail: {
      smtpUrl: e.KINPASS_SMTP_URL,
      from: e.KINPASS_MAIL_FROM,
      // Mail to a server on the same machine never crosses a network.
      requireTls: production && !isLoopbackHost(new URL(e.KINPASS_SMTP_URL).hostname),
    },
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
    acceptsPrivateAddresses,
    directory: readDirectory(e),
    auditArchive: readAuditArchive(e.KINPASS_AUDIT_RETENTION_DAYS, e.KINPASS_AUDIT_ARCHIVE_DIR),
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

/**
 * Parses the settings of a schema. An empty value counts as missing.
 *
 * @throws {ConfigError} that lists each invalid setting
 */
export function parseEnvironment<T>(schema: z.ZodType<T>, env: Environment): T {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const present = { ...DEFAULT_PATHS, ...given };
  const parsed = schema.safeParse(present);
  if (!parsed.success) throw new ConfigError(describeProblems(parsed.error, present));
  return parsed.data;
}

/** Default paths are in the folder of the program, whatever the folder that it runs in. */
const DEFAULT_PATHS = Object.fromEntries(
  (['KINPASS_DATABASE_FILE', 'KINPASS_BRAND_FILE'] as const).map((name) => [
    name,
    join(PROGRAM_FOLDER, environmentSchema.shape[name].parse(undefined)),
  ]),
);

/** Selects the database; PostgreSQL takes precedence over the file. */
export function databaseOf(e: {
  DATABASE_URL?: string | undefined;
  KINPASS_DATABASE_FILE: string;
}): Config['database'] {
  return e.DATABASE_URL === undefined ? { file: e.KINPASS_DATABASE_FILE } : { url: e.DATABASE_URL };
}

/** Lists SQLite files that all users can access. Ignores group bits, which container platforms set on volumes. */
function listExposed(databaseFile: string): string[] {
  if (process.getuid === undefined) return [];
  const files = ['', '-wal', '-shm'].map((ending) => databaseFile + ending);
  return files.filter((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0);
}

function describeProblems(error: z.ZodError, present: Record<string, unknown>): string {
  return error.issues
    .map((issue) => {
      const name = issue.path.join('.');
      const purpose = purposeOf(name);
      const problem = name in present ? issue.message : 'is missing';
      return `${name}: ${problem}${purpose === undefined ? '' : ` (${purpose})`}`;
    })
    .join('\n');
}

function purposeOf(name: string): string | undefined {
  const shape: Record<string, z.ZodType> = environmentSchema.shape;
  return shape[name]?.description;
}
