import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable } from './people.ts';

/** `email`: waits for its link. `mobile`: waits for staff. `former_email`: the address before a change, which its link restores. */
export type PendingContactKind = 'email' | 'mobile' | 'former_email';

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
      /** Email and former email only. */
      tokenHash: kit.text('token_hash'),
      /** Email and former email only. */
      expiresAt: kit.instant('expires_at'),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      kit.primaryKey('pending_contacts_pk', t.personId, t.kind),
      kit.index('pending_contacts_expires_idx').on(t.expiresAt),
      kit.index('pending_contacts_token_idx').on(t.tokenHash),
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
