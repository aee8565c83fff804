import { sql } from 'drizzle-orm';
import type { StaffChangeName } from '../../domain/access/person-actions.ts';
import type { BulkAction, BulkRowState } from '../../domain/access/bulk-actions.ts';
import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable, SchoolTables } from './people.ts';

/**
 * `declined` by a colleague; `withdrawn` by the requester; `void`: a person lost the capacity, left the scope, or the account no longer has
 * the value that the request would change.
 */
export type RequestDecision = 'confirmed' | 'declined' | 'withdrawn' | 'expired' | 'void';

/** Defines actions that wait for the confirmation of a colleague, and removals of second factors that wait for their time. */
export function defineStaffRequests(kit: ColumnBuilders, persons: PersonsTable, { schools }: SchoolTables) {
  const person = (name: string) => kit.text(name).references(() => persons.id, { onDelete: 'cascade' });
  const staffRequests = kit.table(
    'staff_requests',
    {
      id: kit.text('id').primaryKey(),
      action: kit.text('action').$type<StaffChangeName>().notNull(),
      personId: person('person_id').notNull(),
      /** The school of the requester; null for the bureau. */
      schoolCode: kit.text('school_code').references(() => schools.code),
      /** The input, the value that it replaces, and the reason. */
      payloadSealed: kit.text('payload_sealed').notNull(),
      /** The version of the person after the request. */
      staffVersion: kit.int('staff_version').notNull(),
      /** Without a foreign key, as in the audit log. */
      requestedBy: kit.text('requested_by').notNull(),
      requestedAt: kit.instant('requested_at').notNull(),
      expiresAt: kit.instant('expires_at').notNull(),
      isOpen: kit.bool('is_open').notNull(),
      decision: kit.text('decision').$type<RequestDecision>(),
      decidedBy: kit.text('decided_by'),
      decidedAt: kit.instant('decided_at'),
    },
    (t) => [
      kit.index('staff_requests_school_idx').on(t.schoolCode, t.isOpen, t.requestedAt, t.id),
      kit.index('staff_requests_city_idx').on(t.isOpen, t.requestedAt, t.id),
      kit.index('staff_requests_person_idx').on(t.personId, t.requestedAt),
    ],
  );
  const secondFactorRemovals = kit.table(
    'second_factor_removals',
    {
      personId: person('person_id').primaryKey(),
      requestedBy: kit.text('requested_by').notNull(),
      /** Null in rows of earlier releases. */
      reasonSealed: kit.text('reason_sealed'),
      createdAt: kit.instant('created_at').notNull(),
      executesAt: kit.instant('executes_at').notNull(),
    },
    (t) => [kit.index('second_factor_removals_due_idx').on(t.executesAt)],
  );
  return { staffRequests, secondFactorRemovals };
}

/** Defines actions on many pupils and guardians of a class. One-time codes are sealed, and erased after they were printed. */
export function defineBulkRuns(kit: ColumnBuilders, persons: PersonsTable, { classes }: SchoolTables) {
  const person = (name: string) =>
    kit
      .text(name)
      .notNull()
      .references(() => persons.id, { onDelete: 'cascade' });
  const bulkRuns = kit.table(
    'bulk_runs',
    {
      id: kit.text('id').primaryKey(),
      action: kit.text('action').$type<BulkAction>().notNull(),
      classId: kit
        .text('class_id')
        .notNull()
        .references(() => classes.id),
      actorId: kit.text('actor_id').notNull(),
      ...{ reason: kit.text('reason').notNull(), reasonSealed: kit.text('reason_sealed') },
      address: kit.text('address').notNull(),
      createdAt: kit.instant('created_at').notNull(),
      /** Null during the dry run. */
      startedAt: kit.instant('started_at'),
      /** The node that works on the run renews the lease. */
      leasedUntil: kit.instant('leased_until').notNull(),
      finishedAt: kit.instant('finished_at'),
      printedAt: kit.instant('printed_at'),
    },
    (t) => [
      kit
        .index('bulk_runs_due_idx')
        .on(t.leasedUntil)
        .where(sql`finished_at is null`),
      kit.index('bulk_runs_class_idx').on(t.classId, t.createdAt),
      kit.index('bulk_runs_created_idx').on(t.createdAt),
    ],
  );
  const bulkRows = kit.table(
    'bulk_rows',
    {
      runId: kit
        .text('run_id')
        .notNull()
        .references(() => bulkRuns.id, { onDelete: 'cascade' }),
      position: kit.int('position').notNull(),
      personId: person('person_id'),
      /** The version of the person that the form was shown for. */
      staffVersion: kit.int('staff_version').notNull(),
      state: kit.text('state').$type<BulkRowState>().notNull(),
      /** Why a row failed; the name of a message. */
      problem: kit.text('problem'),
      codeSealed: kit.text('code_sealed'),
      codeExpiresAt: kit.instant('code_expires_at'),
      doneAt: kit.instant('done_at'),
    },
    (t) => [
      kit.primaryKey('bulk_rows_pk', t.runId, t.position),
      kit.index('bulk_rows_person_idx').on(t.personId),
      kit
        .index('bulk_rows_codes_idx')
        .on(t.doneAt)
        .where(sql`code_sealed is not null`),
    ],
  );
  return { bulkRuns, bulkRows };
}
