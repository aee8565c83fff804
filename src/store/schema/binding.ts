import { sql } from 'drizzle-orm';
import type { ApplicationState } from '../../domain/binding/application.ts';
import type { ApplicantKind } from '../../domain/binding/applicants.ts';
import type { NoticeAnswer } from '../../domain/binding/notice.ts';
import type { BindingStep } from '../../domain/binding/steps.ts';
import type { RegisterImportState } from '../../domain/binding/register.ts';
import type { SubjectRequestKind, SubjectRequestState } from '../../domain/binding/subject-requests.ts';
import type { ColumnBuilders } from './column-builders.ts';
import type { PersonsTable, SchoolTables } from './people.ts';

/** Defines the versions of the personal-data notice, and every answer to it. */
export function defineNotices(kit: ColumnBuilders, persons: PersonsTable, { schools }: SchoolTables) {
  const bindingNotices = kit.table('binding_notices', {
    version: kit.int('version').primaryKey(),
    chinese: kit.text('chinese').notNull(),
    english: kit.text('english').notNull(),
    publishedAt: kit.instant('published_at').notNull(),
    /** Null for the version of the installation. Without a foreign key, as in the audit log. */
    publishedBy: kit.text('published_by'),
  });
  // Only appended. The newest answer of a student counts.
  const noticeAnswers = kit.table(
    'notice_answers',
    {
      id: kit.text('id').primaryKey(),
      studentId: kit
        .text('student_id')
        .notNull()
        .references(() => persons.id, { onDelete: 'cascade' }),
      /** The school account that answered. */
      accountId: kit.text('account_id').notNull(),
      schoolCode: kit
        .text('school_code')
        .notNull()
        .references(() => schools.code),
      noticeVersion: kit.int('notice_version').notNull(),
      answer: kit.text('answer').$type<NoticeAnswer>().notNull(),
      answeredAt: kit.instant('answered_at').notNull(),
    },
    (t) => [kit.index('notice_answers_student_idx').on(t.studentId, t.answeredAt)],
  );
  return { bindingNotices, noticeAnswers };
}

/** Defines applications of families. */
export function defineApplications(kit: ColumnBuilders, persons: PersonsTable, { schools }: SchoolTables) {
  const person = (name: string) => kit.text(name).references(() => persons.id, { onDelete: 'cascade' });
  const bindingApplications = kit.table(
    'binding_applications',
    {
      id: kit.text('id').primaryKey(),
      /** The school account of the family. */
      accountId: person('account_id').notNull(),
      studentId: person('student_id').notNull(),
      schoolCode: kit
        .text('school_code')
        .notNull()
        .references(() => schools.code),
      state: kit.text('state').$type<ApplicationState>().notNull(),
      /** Incremented by every change, so that a form that was shown before it does nothing. */
      version: kit.int('version').notNull().default(1),
      studentConfirmedAt: kit.instant('student_confirmed_at'),
      applicantKind: kit.text('applicant_kind').$type<ApplicantKind>(),
      /** Caregivers: the last day of the delegation. */
      validTo: kit.text('valid_to'),
      evidenceDoneAt: kit.instant('evidence_done_at'),
      /** The relying party that the family came from. */
      clientId: kit.text('client_id'),
      /** The report of the family about wrong data of the student; shown to the registrar. Null if nothing is. */
      reportSealed: kit.text('report_sealed'),
      /** When it was reported; null if nothing is wrong, or the school has dealt with it. */
      reportOpenedAt: kit.instant('report_opened_at'),
      /** Why it was returned or rejected; shown to the family. */
      reasonSealed: kit.text('reason_sealed'),
      submittedAt: kit.instant('submitted_at'),
      decidedAt: kit.instant('decided_at'),
      /** Null for an approval by the register. Without a foreign key, as in the audit log. */
      decidedBy: kit.text('decided_by'),
      createdAt: kit.instant('created_at').notNull(),
      updatedAt: kit.instant('updated_at').notNull(),
    },
    (t) => [
      // A student has one open application.
      kit
        .uniqueIndex('binding_applications_open_key')
        .on(t.studentId)
        .where(sql`state in ('draft', 'submitted', 'returned')`),
      kit.index('binding_applications_student_idx').on(t.studentId, t.createdAt),
      kit.index('binding_applications_account_idx').on(t.accountId),
      kit.index('binding_applications_queue_idx').on(t.schoolCode, t.state, t.submittedAt, t.id),
      kit.index('binding_applications_updated_idx').on(t.state, t.updatedAt),
      kit
        .index('binding_applications_report_idx')
        .on(t.reportOpenedAt, t.id)
        .where(sql`report_opened_at is not null`),
    ],
  );
  return { bindingApplications };
}
export type ApplicationsTable = ReturnType<typeof defineApplications>['bindingApplications'];

/** Defines the applicants and the evidence of an application. What the family enters is sealed. */
export function defineApplicants(kit: ColumnBuilders, bindingApplications: ApplicationsTable) {
  const application = () =>
    kit
      .text('application_id')
      .notNull()
      .references(() => bindingApplications.id, { onDelete: 'cascade' });
  const bindingApplicants = kit.table(
    'binding_applicants',
    {
      applicationId: application(),
      /** 1 or 2. */
      position: kit.int('position').notNull(),
      /** Name, relation, national ID, mobile number and email address. */
      payloadSealed: kit.text('payload_sealed').notNull(),
      nationalIdLookup: kit.text('national_id_lookup').notNull(),
      /** Keyed hash of the code, and of the address that it was sent to. */
      emailCodeMac: kit.text('email_code_mac'),
      emailCodeExpiresAt: kit.instant('email_code_expires_at'),
      emailCodeFailures: kit.int('email_code_failures').notNull().default(0),
      emailVerifiedAt: kit.instant('email_verified_at'),
      /** The guardian after the approval. */
      guardianId: kit.text('guardian_id'),
    },
    (t) => [
      kit.primaryKey('binding_applicants_pk', t.applicationId, t.position),
      kit.index('binding_applicants_national_id_idx').on(t.nationalIdLookup),
      kit
        .index('binding_applicants_guardian_idx')
        .on(t.guardianId)
        .where(sql`guardian_id is not null`),
    ],
  );
  const bindingEvidence = kit.table(
    'binding_evidence',
    {
      id: kit.text('id').primaryKey(),
      applicationId: application(),
      nameSealed: kit.text('name_sealed').notNull(),
      contentType: kit.text('content_type').notNull(),
      /** Bytes. */
      size: kit.int('size').notNull(),
      /** The file in base64, sealed. */
      contentSealed: kit.text('content_sealed').notNull(),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [kit.index('binding_evidence_application_idx').on(t.applicationId)],
  );
  // Input of a step that is not validated. A submission of the step replaces it.
  const bindingInputs = kit.table(
    'binding_inputs',
    {
      applicationId: application(),
      step: kit.text('step').$type<BindingStep>().notNull(),
      /** The fields as typed, and why they were rejected. */
      payloadSealed: kit.text('payload_sealed').notNull(),
    },
    (t) => [kit.primaryKey('binding_inputs_pk', t.applicationId, t.step)],
  );
  return { bindingApplicants, bindingEvidence, bindingInputs };
}

/** Defines the imported register of families, which approves exact matches, and its imports. Keyed hashes only. */
export function defineRegister(kit: ColumnBuilders) {
  const registerImports = kit.table(
    'register_imports',
    {
      id: kit.text('id').primaryKey(),
      state: kit.text('state').$type<RegisterImportState>().notNull(),
      startedAt: kit.instant('started_at').notNull(),
      /** Counted at its end. */
      entryCount: kit.int('entry_count').notNull().default(0),
      /** When its entries became the register. */
      finishedAt: kit.instant('finished_at'),
    },
    (t) => [
      // One import runs, and the entries of one import are the register.
      kit
        .uniqueIndex('register_imports_state_key')
        .on(t.state)
        .where(sql`state <> 'obsolete'`),
    ],
  );
  const registerEntries = kit.table(
    'register_entries',
    {
      /** Without a foreign key, which every insert would check. The entries of an obsolete import are deleted before it. */
      importId: kit.text('import_id').notNull(),
      /** Keyed hash of the national ID of the student. */
      studentLookup: kit.text('student_lookup').notNull(),
      /** Keyed hash of the national ID of the guardian. */
      guardianLookup: kit.text('guardian_lookup').notNull(),
      /** Keyed hashes that cover both IDs, so that equal names and relations of other families differ. */
      nameMac: kit.text('name_mac').notNull(),
      relationMac: kit.text('relation_mac').notNull(),
    },
    (t) => [kit.primaryKey('register_entries_pk', t.importId, t.studentLookup, t.guardianLookup)],
  );
  return { registerImports, registerEntries };
}

/** Defines requests of people about their guardianships and their personal data, which the school decides. */
export function defineSubjectRequests(kit: ColumnBuilders, { schools }: SchoolTables) {
  const subjectRequests = kit.table(
    'subject_requests',
    {
      id: kit.text('id').primaryKey(),
      kind: kit.text('kind').$type<SubjectRequestKind>().notNull(),
      /** Without a foreign key: the record of a deletion outlives the person. */
      personId: kit.text('person_id').notNull(),
      /** Unused: a request to end a guardianship is a column of the guardianship. */
      guardianshipId: kit.text('guardianship_id'),
      /** The school that decides; null for the bureau. */
      schoolCode: kit.text('school_code').references(() => schools.code),
      /** The words of the person; null after a deletion. */
      payloadSealed: kit.text('payload_sealed'),
      state: kit.text('state').$type<SubjectRequestState>().notNull(),
      createdAt: kit.instant('created_at').notNull(),
      /** The end of the legal period. */
      dueAt: kit.instant('due_at').notNull(),
      /** When the period was extended; once at most. */
      extendedAt: kit.instant('extended_at'),
      /** When staff were reminded of the end of the period; null again after an extension. */
      remindedAt: kit.instant('reminded_at'),
      decidedAt: kit.instant('decided_at'),
      decidedBy: kit.text('decided_by'),
      reasonSealed: kit.text('reason_sealed'),
    },
    (t) => [
      kit.index('subject_requests_person_idx').on(t.personId, t.createdAt),
      kit.index('subject_requests_school_idx').on(t.schoolCode, t.state, t.dueAt, t.id),
      kit.index('subject_requests_city_idx').on(t.state, t.dueAt, t.id),
    ],
  );
  return { subjectRequests };
}

/** Defines the last reminder of each family that has not answered. */
export function defineFamilyReminders(kit: ColumnBuilders, persons: PersonsTable) {
  const familyReminders = kit.table('family_reminders', {
    studentId: kit
      .text('student_id')
      .primaryKey()
      .references(() => persons.id, { onDelete: 'cascade' }),
    remindedAt: kit.instant('reminded_at').notNull(),
  });
  return { familyReminders };
}

/** Defines merges that can be undone. */
export function defineMerges(kit: ColumnBuilders) {
  const personMerges = kit.table(
    'person_merges',
    {
      id: kit.text('id').primaryKey(),
      keptId: kit.text('kept_id').notNull(),
      otherId: kit.text('other_id').notNull(),
      /** Everything that was moved or deleted. */
      snapshotSealed: kit.text('snapshot_sealed').notNull(),
      /** Both had a national ID, so that the merge and its undo take two members of staff. */
      hadTwoIds: kit.bool('had_two_ids').notNull().default(false),
      mergedAt: kit.instant('merged_at').notNull(),
      mergedBy: kit.text('merged_by').notNull(),
      undoneAt: kit.instant('undone_at'),
    },
    (t) => [kit.index('person_merges_kept_idx').on(t.keptId, t.mergedAt)],
  );
  return { personMerges };
}
