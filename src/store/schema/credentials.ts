import { sql } from 'drizzle-orm';
import { ACCOUNT_POLICY } from '../../domain/throttling/throttle.ts';
import type { FirstPasswordKind } from '../../domain/credentials/first-password.ts';
import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable } from './people.ts';

/** `passkey`: a WebAuthn credential. */
export type SecondFactorKind = 'totp' | 'passkey';

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
      /** The link before this one, so that its page can say that a newer one was sent. */
      replacedHash: kit.text('replaced_hash'),
      // A setup link: the email address of the person that setting a password with it verifies.
      verifiesEmail: kit.text('verifies_email'),
      expiresAt: kit.instant('expires_at').notNull(),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      kit.uniqueIndex('reset_links_token_key').on(t.tokenHash),
      kit.index('reset_links_replaced_idx').on(t.replacedHash),
    ],
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
    (t) => [
      kit.index('throttles_updated_idx').on(t.updatedAt),
      // Partial, so that only locked accounts cost a page of disk.
      kit
        .index('throttles_locked_idx')
        .on(t.key)
        .where(sql.raw(`failures >= ${String(ACCOUNT_POLICY.lockAfterFailures)}`)),
    ],
  );
  return { passwords, firstPasswords, resetLinks, throttles };
}

/** Defines second factors and recovery codes. Secrets are sealed or stored as hashes. */
export function defineSecondFactors(kit: ColumnBuilders, persons: PersonsTable) {
  const person = () =>
    kit
      .text('person_id')
      .notNull()
      .references(() => persons.id, { onDelete: 'cascade' });
  const secondFactors = kit.table(
    'second_factors',
    {
      id: kit.text('id').primaryKey(),
      personId: person(),
      kind: kit.text('kind').$type<SecondFactorKind>().notNull(),
      /** Given by the person, for example the name of the phone. */
      name: kit.text('name').notNull(),
      /** TOTP: the sealed secret. Passkey: the public key (COSE, base64url). */
      key: kit.text('key').notNull(),
      /** Passkey: the credential id, base64url. */
      credentialId: kit.text('credential_id'),
      /** TOTP: the time step of the last accepted code. Passkey: the signature counter. */
      counter: kit.long('counter').notNull(),
      createdAt: kit.instant('created_at').notNull(),
      lastUsedAt: kit.instant('last_used_at'),
    },
    (t) => [
      kit.index('second_factors_person_idx').on(t.personId),
      kit.uniqueIndex('second_factors_credential_key').on(t.credentialId),
    ],
  );
  // A used code is deleted.
  const recoveryCodes = kit.table(
    'recovery_codes',
    {
      personId: person(),
      codeHash: kit.text('code_hash').notNull(),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [kit.primaryKey('recovery_codes_pk', t.personId, t.codeHash)],
  );
  return { secondFactors, recoveryCodes };
}

/** Defines passwords that one service account of the directory accepts. They are random, and stored as hashes only. */
export function defineApplicationPasswords(kit: ColumnBuilders, persons: PersonsTable) {
  const applicationPasswords = kit.table(
    'application_passwords',
    {
      id: kit.text('id').primaryKey(),
      personId: kit
        .text('person_id')
        .notNull()
        .references(() => persons.id, { onDelete: 'cascade' }),
      /** The client of the service account. */
      clientId: kit.text('client_id').notNull(),
      /** Given by the person, for example the name of the device. */
      name: kit.text('name').notNull(),
      secretHash: kit.text('secret_hash').notNull(),
      createdAt: kit.instant('created_at').notNull(),
      lastUsedAt: kit.instant('last_used_at'),
    },
    (t) => [
      kit.index('application_passwords_person_idx').on(t.personId),
      kit.uniqueIndex('application_passwords_secret_key').on(t.secretHash),
    ],
  );
  return { applicationPasswords };
}
