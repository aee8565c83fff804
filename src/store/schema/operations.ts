import { sql } from 'drizzle-orm';

import type { ColumnBuilders } from './column-builders.ts';

export type OutboxKind = 'mail' | 'backchannel_logout';
type AuditDetail = Record<string, string | number | boolean>;

/** Defines the settings of the bureau, by their names in `domain/settings.ts`. A setting that was never changed has no row. */
export function defineSettings(kit: ColumnBuilders) {
  const settings = kit.table('settings', {
    key: kit.text('key').primaryKey(),
    value: kit.json('value').$type<unknown>().notNull(),
    updatedAt: kit.instant('updated_at').notNull(),
    // No foreign key, because a setting outlives the person who changed it.
    updatedBy: kit.text('updated_by').notNull(),
  });
  return { settings };
}

/** Defines the mails and notices to deliver. */
export function defineOutbox(kit: ColumnBuilders) {
  const outbox = kit.table(
    'outbox',
    {
      id: kit.text('id').primaryKey(),
      kind: kit.text('kind').$type<OutboxKind>().notNull(),
      payload: kit.text('payload').notNull(),
      /** Keyed hash of the address of a mail; null for notices and after delivery. */
      recipientMac: kit.text('recipient_mac'),
      attempts: kit.int('attempts').notNull().default(0),
      nextAt: kit.instant('next_at').notNull(),
      leasedUntil: kit.instant('leased_until'),
      createdAt: kit.instant('created_at').notNull(),
      doneAt: kit.instant('done_at'),
      deadAt: kit.instant('dead_at'),
      lastError: kit.text('last_error'),
    },
    (t) => [
      // Partial, so that the cost of finding due jobs does not grow with the number of delivered ones.
      kit
        .index('outbox_due_idx')
        .on(t.nextAt)
        .where(sql`done_at is null and dead_at is null`),
      kit.index('outbox_created_idx').on(t.createdAt),
      kit
        .index('outbox_dead_idx')
        .on(t.deadAt, t.id)
        .where(sql`dead_at is not null`),
      kit
        .index('outbox_recipient_idx')
        .on(t.recipientMac)
        .where(sql`recipient_mac is not null`),
    ],
  );
  return { outbox };
}

/** Defines the append-only audit log. */
export function defineAuditLog(kit: ColumnBuilders) {
  // No foreign keys, because the log outlives the persons in it. The one index serves the history of a person. Every other index would
  // cost each sign-in two more pages of disk.
  const audit = kit.table(
    'audit',
    {
      seq: kit.long('seq').primaryKey(),
      at: kit.instant('at').notNull(),
      event: kit.text('event').notNull(),
      outcome: kit.text('outcome').notNull(),
      actorId: kit.text('actor_id'),
      subjectId: kit.text('subject_id'),
      clientId: kit.text('client_id'),
      address: kit.text('address'),
      detail: kit.json('detail').$type<AuditDetail>().notNull(),
      prevHash: kit.text('prev_hash').notNull(),
      hash: kit.text('hash').notNull(),
    },
    (t) => [kit.index('audit_subject_idx').on(t.subjectId, t.seq)],
  );
  // One row, id 1. Its lock serializes parallel appends. `mac` seals it with a key outside of the database, and is empty after the head was
  // changed by hand.
  const auditHead = kit.table('audit_head', {
    id: kit.int('id').primaryKey(),
    seq: kit.long('seq').notNull(),
    hash: kit.text('hash').notNull(),
    mac: kit.text('mac').notNull().default(''),
  });
  // One row, id 1: the last entry that was moved to a sealed archive. Triggers allow only entries up to it to be deleted, and verification
  // of the table starts here. `mac` is keyed like that of the head.
  const auditArchive = kit.table('audit_archive', {
    id: kit.int('id').primaryKey(),
    seq: kit.long('seq').notNull(),
    hash: kit.text('hash').notNull(),
    mac: kit.text('mac').notNull(),
  });
  return { audit, auditHead, auditArchive };
}
