import type { FirstPasswordKind } from '../../domain/credentials/first-password.ts';
import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable } from './people.ts';

/** Defines passwords, first passwords and one-time codes, reset links and throttles. Secrets are stored as hashes only. */
export function defineCredentials(kit: ColumnBuilders, persons: PersonsTable) {
  const person = () =>
    kit
      .text('person_id')
      .primaryKey()
      .references(() => persons.id, { onDelete: 'cascade' });
  const passwords = kit.table('passwords', {
    personId: person(),
    hash: kit.text('hash').notNull(),
    changedAt: kit.instant('changed_at').notNull(),
  });
  const firstPasswords = kit.table('first_passwords', {
    personId: person(),
    kind: kit.text('kind').$type<FirstPasswordKind>().notNull().default('first'),
    mac: kit.text('mac').notNull(),
    expiresAt: kit.instant('expires_at').notNull(),
    failures: kit.int('failures').notNull().default(0),
    closedAt: kit.instant('closed_at'),
    createdAt: kit.instant('created_at').notNull(),
  });
  // One row per person, so a new link replaces the old one.
  const resetLinks = kit.table(
    'reset_links',
    {
      personId: person(),
      tokenHash: kit.text('token_hash').notNull(),
      expiresAt: kit.instant('expires_at').notNull(),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [kit.uniqueIndex('reset_links_token_key').on(t.tokenHash)],
  );
  const throttles = kit.table(
    'throttles',
    {
      key: kit.text('key').primaryKey(),
      failures: kit.int('failures').notNull(),
      blockedUntil: kit.instant('blocked_until').notNull(),
      updatedAt: kit.instant('updated_at').notNull(),
      // Number of attempts that were refused without a comparison since the last audit entry about this counter, and the time of the first.
      refusals: kit.int('refusals').notNull().default(0),
      refusedSince: kit.instant('refused_since'),
    },
    (t) => [kit.index('throttles_updated_idx').on(t.updatedAt)],
  );
  return { passwords, firstPasswords, resetLinks, throttles };
}
