import { ConfigError } from './config-error.ts';
import type { Config } from './load.ts';

/** Facts of the database that a start depends on. */
export interface DatabaseState {
  pendingMigrations: readonly string[];
  /** School codes that only the demo city uses: they begin with 99. */
  demoSchools: number;
  /** Whether somebody signs in with an address in `.example`, as everybody in the demo city does. */
  exampleLogins: boolean;
}

/** Argon2id in KiB and passes, each row as good as the others (OWASP Password Storage Cheat Sheet). */
const MIN_HASHING: readonly (readonly [memoryKib: number, passes: number])[] = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
];

/**
 * Refuses to start with settings that would be unsafe.
 *
 * @throws {ConfigError} listing every reason, so that an operator mends all of them in one go
 */
export function assertSafeToStart(config: Config, facts: DatabaseState): void {
  const reasons: string[] = [];
  if (facts.pendingMigrations.length > 0) {
    reasons.push(`KINPASS_MIGRATIONS=check: migrations are pending: ${facts.pendingMigrations.join(', ')}`);
  }
  if (config.profile === 'production') reasons.push(...unsafeSettings(config), ...unsafeData(facts));
  if (reasons.length > 0) throw new ConfigError(reasons.join('\n'));
}

function unsafeSettings({ issuer, mail, hashing, isMasterKeyExposed, exposedDatabaseFiles }: Config): string[] {
  const reasons: string[] = [];
  if (!issuer.startsWith('https:')) {
    reasons.push('KINPASS_ISSUER: production needs https (OpenID Connect Discovery 1.0, section 3)');
  }
  // RFC 2606: nobody has such an address. The sender may be written as `Name <address>`.
  if (/\.example>?$/i.test(mail.from)) {
    reasons.push('KINPASS_MAIL_FROM: an address in .example can never be answered');
  }
  if (isMasterKeyExposed) {
    reasons.push('KINPASS_MASTER_KEY_FILE: other users of this machine can read it; only its owner may (chmod 600)');
  }
  if (exposedDatabaseFiles.length > 0) {
    reasons.push(
      `KINPASS_DATABASE_FILE: other users of this machine can read it (chmod 600 ${exposedDatabaseFiles.join(' ')})`,
    );
  }
  if (!MIN_HASHING.some(([memory, passes]) => hashing.memoryKib >= memory && hashing.passes >= passes)) {
    const floor = MIN_HASHING.map(([memory, passes]) => `${memory} with ${passes}`).join(', ');
    reasons.push(`KINPASS_HASH_MEMORY_KIB: too little with KINPASS_HASH_PASSES=${hashing.passes}; at least ${floor}`);
  }
  return reasons;
}

function unsafeData({ demoSchools, exampleLogins }: DatabaseState): string[] {
  return [
    ...(demoSchools > 0
      ? ['the database holds the demo city (school codes 99…); production does not start on it']
      : []),
    ...(exampleLogins
      ? ['the database holds invented people (e-mail in .example); production does not start on it']
      : []),
  ];
}
