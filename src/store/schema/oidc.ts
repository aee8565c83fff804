import { sql } from 'drizzle-orm';

import type { Role } from '../../domain/model.ts';
import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable } from './people.ts';

export type KeyPurpose = 'sign' | 'cookie' | 'pairwise';
export type KeyState = 'next' | 'current' | 'previous';

/**
 * Defines the records of the OpenID provider. Ids are SHA-256 hashes and the caller seals the payload, so a dump cannot be replayed.
 * `destroyed` marks a tombstone (see store/oidc/records.ts).
 */
export function defineOidcRecords(kit: ColumnBuilders) {
  const oidcRecords = kit.table(
    'oidc_records',
    {
      model: kit.text('model').notNull(),
      idHash: kit.text('id_hash').notNull(),
      uidHash: kit.text('uid_hash'),
      userCodeHash: kit.text('user_code_hash'),
      grantHash: kit.text('grant_hash'),
      accountId: kit.text('account_id'),
      clientId: kit.text('client_id'),
      // Interactions only: SHA-256 of the cookie value of the browser that began the interaction.
      browserHash: kit.text('browser_hash'),
      payload: kit.text('payload').notNull(),
      expiresAt: kit.instant('expires_at'),
      consumedAt: kit.instant('consumed_at'),
      destroyed: kit.bool('destroyed').notNull().default(false),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      kit.primaryKey('oidc_records_pk', t.model, t.idHash),
      // Partial, because most records are tokens, which need none of these three indexes. An index costs each record a write.
      kit
        .index('oidc_records_uid_idx')
        .on(t.uidHash)
        .where(sql`uid_hash is not null`),
      kit
        .index('oidc_records_user_code_idx')
        .on(t.userCodeHash)
        .where(sql`user_code_hash is not null`),
      kit
        .index('oidc_records_step_idx')
        .on(t.accountId)
        .where(sql`model = 'Interaction'`),
      kit.index('oidc_records_grant_idx').on(t.grantHash),
      // By model, because expired sessions are kept longer than other records.
      kit.index('oidc_records_expires_idx').on(t.model, t.expiresAt),
    ],
  );
  return { oidcRecords };
}

/** Defines grants, sessions, and the last context of a person per client. */
export function defineSessions(kit: ColumnBuilders, persons: PersonsTable) {
  const person = (name: string) => kit.text(name).references(() => persons.id, { onDelete: 'cascade' });
  const grants = kit.table(
    'grants',
    {
      grantHash: kit.text('grant_hash').primaryKey(),
      personId: person('person_id').notNull(),
      clientId: kit.text('client_id').notNull(),
      sessionHash: kit.text('session_hash').notNull(),
      role: kit.text('role').$type<Role>(),
      schoolCode: kit.text('school_code'),
      childId: person('child_id'),
      // Id of a guardianship, a membership or an enrollment, which a foreign key cannot express.
      basisId: kit.text('basis_id'),
      scopes: kit.text('scopes').notNull(),
      createdAt: kit.instant('created_at').notNull(),
      expiresAt: kit.instant('expires_at').notNull(),
    },
    (t) => [
      kit.index('grants_person_idx').on(t.personId),
      kit.index('grants_session_idx').on(t.sessionHash),
      kit.index('grants_child_idx').on(t.childId),
      kit.index('grants_basis_idx').on(t.basisId),
      kit.index('grants_expires_idx').on(t.expiresAt),
    ],
  );
  const isEnded = sql`ended_at is not null`;
  const sessions = kit.table(
    'sessions',
    {
      sessionHash: kit.text('session_hash').primaryKey(),
      personId: person('person_id').notNull(),
      userAgent: kit.text('user_agent').notNull(),
      address: kit.text('address').notNull(),
      remember: kit.bool('remember').notNull(),
      createdAt: kit.instant('created_at').notNull(),
      expiresAt: kit.instant('expires_at').notNull(),
      endedAt: kit.instant('ended_at'),
    },
    (t) => [
      kit.index('sessions_person_idx').on(t.personId),
      kit.index('sessions_expires_idx').on(t.expiresAt),
      kit.index('sessions_ended_idx').on(t.endedAt).where(isEnded),
    ],
  );
  const lastContexts = kit.table(
    'last_contexts',
    {
      personId: person('person_id').notNull(),
      clientId: kit.text('client_id').notNull(),
      role: kit.text('role').$type<Role>().notNull(),
      schoolCode: kit.text('school_code'),
      childId: person('child_id'),
    },
    (t) => [
      kit.primaryKey('last_contexts_pk', t.personId, t.clientId),
      kit.index('last_contexts_child_idx').on(t.childId),
    ],
  );
  return { grants, sessions, lastContexts };
}

/** Defines consents, one row per scope. The transaction that inserts a grant checks them, so revoked access stays revoked. */
export function defineConsents(kit: ColumnBuilders, persons: PersonsTable) {
  const consents = kit.table(
    'consents',
    {
      personId: kit
        .text('person_id')
        .references(() => persons.id, { onDelete: 'cascade' })
        .notNull(),
      clientId: kit.text('client_id').notNull(),
      scope: kit.text('scope').notNull(),
      grantedAt: kit.instant('granted_at').notNull(),
    },
    (t) => [kit.primaryKey('consents_pk', t.personId, t.clientId, t.scope)],
  );
  return { consents };
}

/** Defines the keys of the provider. A key outside of the database seals them. */
export function defineKeys(kit: ColumnBuilders) {
  const keys = kit.table(
    'keys',
    {
      id: kit.text('id').primaryKey(),
      purpose: kit.text('purpose').$type<KeyPurpose>().notNull(),
      /** JOSE name (`ES256`), or the empty string for keys without one, because NULLs would not be unique. */
      alg: kit.text('alg').notNull().default(''),
      sealed: kit.text('sealed').notNull(),
      state: kit.text('state').$type<KeyState>().notNull(),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      // Makes two nodes on their first start use the same key.
      kit
        .uniqueIndex('keys_live_key')
        .on(t.purpose, t.alg, t.state)
        .where(sql`state in ('current', 'next')`),
    ],
  );
  return { keys };
}

/**
 * Defines the relying parties that the bureau registers in the console; those of the clients file have no row. `registration` has the fields
 * of the clients file without the secret. Secrets are stored as SHA-256: each has 256 random bits.
 */
export function defineClients(kit: ColumnBuilders) {
  const clients = kit.table('clients', {
    clientId: kit.text('client_id').primaryKey(),
    registration: kit.json('registration').$type<unknown>().notNull(),
    secretHash: kit.text('secret_hash'),
    // The secret before the last rotation; valid until `previousSecretUntil`.
    previousSecretHash: kit.text('previous_secret_hash'),
    previousSecretUntil: kit.instant('previous_secret_until'),
    // The secrets of the service account in the LDAP directory, like those above.
    directorySecretHash: kit.text('directory_secret_hash'),
    previousDirectorySecretHash: kit.text('previous_directory_secret_hash'),
    previousDirectorySecretUntil: kit.instant('previous_directory_secret_until'),
    disabledAt: kit.instant('disabled_at'),
    // The grants of a disabled client have not all been deleted yet.
    isRevoking: kit.bool('is_revoking').notNull().default(false),
    // Incremented by every change. Never reused: rows are not deleted.
    version: kit.int('version').notNull().default(1),
    createdAt: kit.instant('created_at').notNull(),
    updatedAt: kit.instant('updated_at').notNull(),
  });
  return { clients };
}
