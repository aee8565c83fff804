import { sql } from 'drizzle-orm';

import type { ColumnBuilders } from './column-builders.ts';

export type OutboxKind = 'mail' | 'backchannel_logout';
export type AuditDetail = Record<string, string | number | boolean>;

/** The outbox of things to send, and the append-only audit log. */
export function defineOperations(kit: ColumnBuilders) {
  const outbox = kit.table(
    'outbox',
    {
      id: kit.text('id').primaryKey(),
      kind: kit.text('kind').$type<OutboxKind>().notNull(),
      payload: kit.text('payload').notNull(),
      attempts: kit.int('attempts').notNull().default(0),
      nextAt: kit.instant('next_at').notNull(),
      leasedUntil: kit.instant('leased_until'),
      createdAt: kit.instant('created_at').notNull(),
      doneAt: kit.instant('done_at'),
      deadAt: kit.instant('dead_at'),
      lastError: kit.text('last_error'),
    },
    (t) => [
      // Partial, so that asking "what is due?" costs the same whether a thousand or ten million were sent before.
      kit
        .index('outbox_due_idx')
        .on(t.nextAt)
        .where(sql`done_at is null and dead_at is null`),
      kit.index('outbox_created_idx').on(t.createdAt),
    ],
  );
  // No foreign keys: the log outlives the persons it speaks of.
  // And no index but its key: it is read in order, and each one would cost every sign-in two more pages of disk.
  const audit = kit.table('audit', {
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
  });
  // One row, id 1: its lock is what makes parallel appends a chain. `mac` seals it with a key outside of the database; it is
  // empty where the head was changed by hand.
  const auditHead = kit.table('audit_head', {
    id: kit.int('id').primaryKey(),
    seq: kit.long('seq').notNull(),
    hash: kit.text('hash').notNull(),
    mac: kit.text('mac').notNull().default(''),
  });
  // One row, id 1: the last entry that was moved to a sealed archive. The triggers let only entries up to it be deleted, and a
  // verification of the table starts here. `mac` is keyed like that of the head.
  const auditArchive = kit.table('audit_archive', {
    id: kit.int('id').primaryKey(),
    seq: kit.long('seq').notNull(),
    hash: kit.text('hash').notNull(),
    mac: kit.text('mac').notNull(),
  });
  return { outbox, audit, auditHead, auditArchive };
}
