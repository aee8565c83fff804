import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable } from './people.ts';

/** `email`: waits for its link. `mobile`: another person already signs in with this number. */
export type PendingContactKind = 'email' | 'mobile';

/** Defines the contacts that people entered and that are no login yet, and the used challenges of the human check. */
export function defineSelfService(kit: ColumnBuilders, persons: PersonsTable) {
  // One row per person and kind, so a new address replaces the old one and its link.
  const pendingContacts = kit.table(
    'pending_contacts',
    {
      personId: kit
        .text('person_id')
        .notNull()
        .references(() => persons.id, { onDelete: 'cascade' }),
      kind: kit.text('kind').$type<PendingContactKind>().notNull(),
      value: kit.text('value').notNull(),
      /** Email only. */
      tokenHash: kit.text('token_hash'),
      /** Email only. */
      expiresAt: kit.instant('expires_at'),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      kit.primaryKey('pending_contacts_pk', t.personId, t.kind),
      kit.index('pending_contacts_expires_idx').on(t.expiresAt),
    ],
  );
  const usedChallenges = kit.table(
    'used_challenges',
    {
      idHash: kit.text('id_hash').primaryKey(),
      expiresAt: kit.instant('expires_at').notNull(),
    },
    (t) => [kit.index('used_challenges_expires_idx').on(t.expiresAt)],
  );
  return { pendingContacts, usedChallenges };
}
