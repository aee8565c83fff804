import { sql } from 'drizzle-orm';
import type { ContactSubject } from '../../domain/school-contacts.ts';
import type {
  Authority,
  GuardianshipState,
  Identifier,
  Permission,
  Relation,
  SchoolType,
  StaffRole,
} from '../../domain/model.ts';
import type { ColumnBuilders } from './column-builders.ts';

export type PersonKind = 'person' | 'school_account';
export type PersonStatus = 'active' | 'disabled';
/** A school account (`P` + student number) is unique inside its school only, so its `scope` is the school code. */
export type IdentifierKind = Identifier['kind'] | 'school_account';

/** Defines schools, their classes, and the desks that families call. */
export function defineSchools(kit: ColumnBuilders, persons: PersonsTable) {
  const schools = kit.table('schools', {
    code: kit.text('code').primaryKey(),
    name: kit.text('name').notNull(),
    nameEn: kit.text('name_en').notNull(),
    type: kit.text('type').$type<SchoolType>().notNull(),
    district: kit.text('district').notNull().default(''),
    // Exact matches with the imported register are approved without a reviewer.
    isRegisterChecked: kit.bool('is_register_checked').notNull().default(false),
    // A closed school keeps its classes, enrollments and memberships, and takes no new ones.
    closedAt: kit.instant('closed_at'),
  });
  const classes = kit.table(
    'classes',
    {
      id: kit.text('id').primaryKey(),
      schoolCode: kit
        .text('school_code')
        .notNull()
        .references(() => schools.code),
      year: kit.int('year').notNull(),
      semester: kit.int('semester').notNull(),
      grade: kit.int('grade').notNull(),
      classno: kit.text('classno').notNull(),
      classtitle: kit.text('classtitle').notNull(),
      homeroomTeacherId: kit.text('homeroom_teacher_id').references(() => persons.id, { onDelete: 'set null' }),
    },
    (t) => [
      kit.uniqueIndex('classes_term_key').on(t.schoolCode, t.year, t.semester, t.classno),
      kit.index('classes_homeroom_teacher_idx').on(t.homeroomTeacherId),
    ],
  );
  const schoolContacts = kit.table(
    'school_contacts',
    {
      schoolCode: kit
        .text('school_code')
        .notNull()
        .references(() => schools.code),
      subject: kit.text('subject').$type<ContactSubject>().notNull(),
      desk: kit.text('desk').notNull(),
      deskEn: kit.text('desk_en').notNull(),
      phone: kit.text('phone').notNull(),
      extension: kit.text('extension').notNull(),
    },
    (t) => [kit.primaryKey('school_contacts_pk', t.schoolCode, t.subject)],
  );
  return { schools, classes, schoolContacts };
}

/** Defines persons and their logins. The national ID is stored as a keyed hash and, during proofing, sealed. The birth date is sealed. */
export function definePersons(kit: ColumnBuilders) {
  const persons = kit.table(
    'persons',
    {
      id: kit.text('id').primaryKey(),
      kind: kit.text('kind').$type<PersonKind>().notNull(),
      name: kit.text('name').notNull(),
      // The name as the search of the console compares it (domain/text.ts).
      nameSearch: kit.sortedText('name_search').notNull().default(''),
      locale: kit.text('locale'),
      // When the person chose the language. Otherwise it is an assumption, for mails and the claim `locale`.
      localeChosenAt: kit.instant('locale_chosen_at'),
      status: kit.text('status').$type<PersonStatus>().notNull(),
      birthDateSealed: kit.text('birth_date_sealed'),
      // Keyed hash of the 18th birthday, so that a job finds the people of a day; null for adults and people without a birth date.
      adultOnLookup: kit.text('adult_on_lookup'),
      // When the mails about the 18th birthday were sent, so that each person gets them once.
      adultNoticeAt: kit.instant('adult_notice_at'),
      nationalIdLookup: kit.text('national_id_lookup'),
      nationalIdSealed: kit.text('national_id_sealed'),
      // Incremented by every change of the credentials. A sign-in that was verified against an older version creates no session.
      credentialVersion: kit.int('credential_version').notNull().default(1),
      // Incremented by every action of staff on the person, so that a form that was shown before it does nothing.
      staffVersion: kit.int('staff_version').notNull().default(1),
      // No relying party other than the city's own pages is served (a stop of processing, Personal Data Protection Act, Article 11).
      sharingStoppedAt: kit.instant('sharing_stopped_at'),
      createdAt: kit.instant('created_at').notNull(),
      updatedAt: kit.instant('updated_at').notNull(),
    },
    (t) => [
      kit.uniqueIndex('persons_national_id_key').on(t.nationalIdLookup),
      kit.index('persons_name_search_idx').on(t.nameSearch, t.id),
      // Holds all that a search among the thousands of people of a school reads, so that it does not read their rows.
      kit.index('persons_id_name_search_idx').on(t.id, t.nameSearch),
      // The directory finds people by the time of their last change, and by that of their entry.
      kit.index('persons_updated_idx').on(t.updatedAt, t.id),
      kit.index('persons_created_idx').on(t.createdAt, t.id),
      kit
        .index('persons_adult_on_idx')
        .on(t.adultOnLookup)
        .where(sql`adult_on_lookup is not null`),
    ],
  );
  const identifiers = kit.table(
    'identifiers',
    {
      id: kit.text('id').primaryKey(),
      personId: kit
        .text('person_id')
        .notNull()
        .references(() => persons.id, { onDelete: 'cascade' }),
      kind: kit.text('kind').$type<IdentifierKind>().notNull(),
      scope: kit.text('scope').notNull().default(''),
      value: kit.sortedText('value').notNull(),
      verifiedAt: kit.instant('verified_at'),
      createdAt: kit.instant('created_at').notNull(),
    },
    (t) => [
      kit.uniqueIndex('identifiers_value_key').on(t.kind, t.scope, t.value),
      kit.index('identifiers_person_idx').on(t.personId),
    ],
  );
  return { persons, identifiers };
}
export type PersonsTable = ReturnType<typeof definePersons>['persons'];
export type SchoolTables = ReturnType<typeof defineSchools>;

/**
 * Defines the numbers from which the directory derives `uidNumber`. Files of other machines belong to it, so the number of a deleted person is
 * never used again. A trigger inserts the number with the person (migration 0041).
 */
export function defineDirectoryNumbers(kit: ColumnBuilders, persons: PersonsTable) {
  const directoryNumbers = kit.table(
    'directory_numbers',
    {
      number: kit.serial('number'),
      personId: kit
        .text('person_id')
        .notNull()
        .references(() => persons.id, { onDelete: 'cascade' }),
    },
    (t) => [kit.uniqueIndex('directory_numbers_person_key').on(t.personId)],
  );
  return { directoryNumbers };
}

/** Defines school accounts of families, enrollments of students and memberships of staff. */
export function defineAffiliations(kit: ColumnBuilders, persons: PersonsTable, { schools, classes }: SchoolTables) {
  const schoolCode = () => kit.text('school_code').references(() => schools.code);
  const person = (name: string) => kit.text(name).references(() => persons.id, { onDelete: 'cascade' });
  const schoolAccounts = kit.table(
    'school_accounts',
    {
      personId: person('person_id').primaryKey(),
      studentId: person('student_id').notNull(),
      schoolCode: schoolCode().notNull(),
    },
    (t) => [kit.index('school_accounts_student_idx').on(t.studentId)],
  );
  const enrollments = kit.table(
    'enrolments',
    {
      id: kit.text('id').primaryKey(),
      studentId: person('student_id').notNull(),
      classId: kit
        .text('class_id')
        .notNull()
        .references(() => classes.id),
      schoolCode: schoolCode().notNull(),
      studentNumber: kit.text('student_number').notNull(),
      seat: kit.int('seat').notNull(),
      validFrom: kit.text('valid_from'),
      validTo: kit.text('valid_to'),
    },
    (t) => [
      kit.uniqueIndex('enrolments_class_student_key').on(t.classId, t.studentId),
      kit.index('enrolments_student_idx').on(t.studentId),
      kit.index('enrolments_number_idx').on(t.studentNumber, t.schoolCode),
      kit.index('enrolments_school_idx').on(t.schoolCode, t.studentId),
      kit.index('enrolments_end_idx').on(t.validTo, t.id),
    ],
  );
  const memberships = kit.table(
    'memberships',
    {
      id: kit.text('id').primaryKey(),
      personId: person('person_id').notNull(),
      schoolCode: schoolCode(),
      role: kit.text('role').$type<StaffRole>().notNull(),
      duty: kit.text('duty'),
      isPrimary: kit.bool('is_primary').notNull(),
      validFrom: kit.text('valid_from'),
      validTo: kit.text('valid_to'),
    },
    (t) => [
      kit.index('memberships_person_idx').on(t.personId),
      kit.index('memberships_school_idx').on(t.schoolCode),
      kit.index('memberships_end_idx').on(t.validTo, t.id),
    ],
  );
  return { schoolAccounts, enrollments, memberships };
}

/**
 * Defines guardianships. `relationLabel` is the relation as the applicant states it (祖母). `stateReasonSealed` is why the school suspended or
 * ended it, and is never released.
 */
export function defineGuardianships(kit: ColumnBuilders, persons: PersonsTable) {
  const person = (name: string) =>
    kit
      .text(name)
      .notNull()
      .references(() => persons.id, { onDelete: 'cascade' });
  const guardianships = kit.table(
    'guardianships',
    {
      id: kit.text('id').primaryKey(),
      guardianId: person('guardian_id'),
      studentId: person('student_id'),
      relation: kit.text('relation').$type<Relation>().notNull(),
      relationLabel: kit.text('relation_label').notNull(),
      authority: kit.text('authority').$type<Authority>().notNull(),
      permissions: kit.json('permissions').$type<readonly Permission[]>().notNull(),
      state: kit.text('state').$type<GuardianshipState>().notNull(),
      stateReasonSealed: kit.text('state_reason_sealed'),
      // The student is an adult who has not consented. Independent of a suspension by the school.
      isConsentAwaited: kit.bool('is_consent_awaited').notNull().default(false),
      // The adult student declined or withdrew the consent, so the sign-in does not ask for it.
      consentDeclinedAt: kit.instant('consent_declined_at'),
      // The guardian asks the school to end it.
      endRequestedAt: kit.instant('end_requested_at'),
      endRequestSealed: kit.text('end_request_sealed'),
      validFrom: kit.text('valid_from'),
      validTo: kit.text('valid_to'),
      createdAt: kit.instant('created_at').notNull(),
      updatedAt: kit.instant('updated_at').notNull(),
    },
    (t) => [
      kit.uniqueIndex('guardianships_pair_key').on(t.guardianId, t.studentId),
      kit.index('guardianships_student_idx').on(t.studentId),
      kit.index('guardianships_end_idx').on(t.validTo),
      kit
        .index('guardianships_end_requested_idx')
        .on(t.endRequestedAt, t.id)
        .where(sql`end_requested_at is not null`),
    ],
  );
  return { guardianships };
}
