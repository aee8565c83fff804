import { ConfigError } from './config-error.ts';
import type { Config } from './load.ts';

/** State of the database that the startup checks need. */
export interface DatabaseState {
  pendingMigrations: readonly string[];
  /** Number of schools of the demo city. Their codes begin with 99. */
  demoSchools: number;
  /** True if a login is an email address in `.example`, as in the demo city. */
  hasExampleLogins: boolean;
}

/** Minimum argon2id parameters, in KiB and passes. The rows are equally strong (OWASP Password Storage Cheat Sheet). */
const MIN_HASHING: readonly (readonly [memoryKib: number, passes: number])[] = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
];

/**
 * Checks that settings and data are safe to start with.
 *
 * @throws {ConfigError} that lists every problem, so that an operator can fix all of them at once
 */
export function assertSafeToStart(config: Config, facts: DatabaseState): void {
  const reasons: string[] = [];
  if (facts.pendingMigrations.length > 0) {
    reasons.push(`KINPASS_MIGRATIONS=check: migrations are pending: ${facts.pendingMigrations.join(', ')}`);
  }
  if (config.profile === 'production') reasons.push(...listUnsafeSettings(config), ...listUnsafeData(facts));
  if (reasons.length > 0) throw new ConfigError(reasons.join('\n'));
}

/** The settings that must be safe in production. */
export interface UnsafeFacts extends Pick<Config, 'issuer' | 'isMasterKeyExposed' | 'exposedDatabaseFiles'> {
  mail: Pick<Config['mail'], 'from'>;
  hashing: Pick<Config['hashing'], 'memoryKib' | 'passes'>;
}

/** Lists what must not be so in production. Settings that are invalid for other reasons are left out. */
export function listUnsafeSettings(facts: { [K in keyof UnsafeFacts]?: UnsafeFacts[K] | undefined }): string[] {
  const { issuer, mail, hashing, isMasterKeyExposed = false, exposedDatabaseFiles = [] } = facts;
  const reasons: string[] = [];
  if (issuer?.startsWith('https:') === false) {
    reasons.push('KINPASS_ISSUER: production needs https (OpenID Connect Discovery 1.0, section 3)');
  }
  // RFC 2606 reserves .example. The sender may have the form `Name <address>`.
  if (mail !== undefined && /\.example>?$/i.test(mail.from)) {
    reasons.push('KINPASS_MAIL_FROM: replies to an address in .example are lost; set a real address');
  }
  if (isMasterKeyExposed) {
    reasons.push('KINPASS_MASTER_KEY_FILE: other users of this machine can read it; run chmod 600');
  }
  if (exposedDatabaseFiles.length > 0) {
    reasons.push(
      `KINPASS_DATABASE_FILE: other users of this machine can read it; run chmod 600 ${exposedDatabaseFiles.join(' ')}`,
    );
  }
  if (
    hashing !== undefined &&
    !MIN_HASHING.some(([memory, passes]) => hashing.memoryKib >= memory && hashing.passes >= passes)
  ) {
    const minimum = MIN_HASHING.map(([memory, passes]) => `${memory} with ${passes}`).join(', ');
    reasons.push(`KINPASS_HASH_MEMORY_KIB: too low with KINPASS_HASH_PASSES=${hashing.passes}; minimum ${minimum}`);
  }
  return reasons;
}

/** Lists data that must not be in a production database. */
export function listUnsafeData({
  demoSchools,
  hasExampleLogins,
}: Pick<DatabaseState, 'demoSchools' | 'hasExampleLogins'>): string[] {
  return [
    ...(demoSchools > 0
      ? ['the database contains the demo city (school codes 99…); use another database in production']
      : []),
    ...(hasExampleLogins
      ? ['the database contains demo people (email in .example); use another database in production']
      : []),
  ];
}
