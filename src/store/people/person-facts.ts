import type { Child, Enrollment, Identifier, Membership, PersonFacts } from '../../domain/model.ts';
import { and, eq, ne } from 'drizzle-orm';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { IdentifierKind } from '../schema/people.ts';
import {
  ALWAYS,
  forMany,
  forOne,
  type ClassRow,
  type EnrollmentRow,
  type GuardianshipRow,
  type MembershipRow,
  type SchoolRow,
  type Selected,
} from './person-fact-rows.ts';
import { toValidity } from './validity.ts';

/** Reads the stored dates of children. */
export interface ChildDates {
  /** Keyed hashes of past 18th birthdays. The guardianships of these children are suspended, also before the job has stored that. */
  reached: ReadonlySet<string>;
  /** Opens a sealed birth date. */
  open: (studentId: string, sealed: string) => string | undefined;
}

/**
 * Loads the facts that the rules need about one person, in one to four indexed queries. Includes inactive guardianships, because the rules
 * check their state.
 *
 * @param today excludes enrollments and memberships that are not valid on this day (`2026-11-23`)
 * @param dates of children; without them, all birth dates are unknown
 */
export async function loadPersonFacts(
  tx: Transaction,
  personId: string,
  today?: string,
  dates: ChildDates = { reached: new Set(), open: () => undefined },
): Promise<PersonFacts | undefined> {
  const facts = await loadFacts(tx, forOne, personId, today, dates);
  return facts.get(personId);
}

/** Loads the facts of many people, in up to four queries. People who are not stored are absent. */
export function loadFactsOfPeople(
  tx: Transaction,
  personIds: readonly string[],
  today: string,
  dates: ChildDates,
): Promise<Map<string, PersonFacts>> {
  const [first, ...others] = personIds;
  if (first !== undefined && others.length === 0) return loadFacts(tx, forOne, first, today, dates);
  return loadFacts(tx, forMany, JSON.stringify(personIds), today, dates);
}

async function loadFacts(
  tx: Transaction,
  { selectPeople, selectMemberships, selectEnrollments, selectChildren }: typeof forOne,
  people: string,
  today: string | undefined,
  dates: ChildDates,
): Promise<Map<string, PersonFacts>> {
  const rows = await selectPeople(tx, { people });
  const at = { people, ...(today === undefined ? ALWAYS : { from: today, to: today }) };
  const isAny = (flag: 'isMember' | 'isEnrolled' | 'isGuardian'): boolean => rows.some((row) => Boolean(row[flag]));
  const [ofStaff, ofStudents, ofGuardians] = [
    isAny('isMember') ? await selectMemberships(tx, at) : [],
    isAny('isEnrolled') ? await selectEnrollments(tx, at) : [],
    isAny('isGuardian') ? await selectChildren(tx, at) : [],
  ];
  const memberships = Map.groupBy(ofStaff, ({ membership }) => membership.personId);
  const enrollments = Map.groupBy(ofStudents, ({ enrollment }) => enrollment.studentId);
  const children = Map.groupBy(ofGuardians, ({ guardianship }) => guardianship.guardianId);
  const facts = new Map<string, PersonFacts>();
  for (const [id, [first, ...others]] of Map.groupBy(rows, ({ person }) => person.id)) {
    if (first === undefined) continue;
    facts.set(id, {
      ...toPerson(first.person, first.numbered),
      identifiers: [first, ...others].flatMap(({ login }) => (login === null ? [] : toIdentifier(login))),
      memberships: memberships.get(id)?.map(toMembership) ?? [],
      enrollments: enrollments.get(id)?.map(toEnrollment) ?? [],
      children: toChildren(id, children.get(id) ?? [], dates),
    });
  }
  return facts;
}

type PersonRow = Pick<
  Selected<'persons'>,
  'id' | 'kind' | 'name' | 'locale' | 'localeChosenAt' | 'status' | 'sharingStoppedAt' | 'createdAt' | 'updatedAt'
>;

function toPerson(
  person: PersonRow,
  numbered: { number: number } | null,
): Omit<PersonFacts, 'identifiers' | 'memberships' | 'enrollments' | 'children'> {
  return {
    id: person.id,
    name: person.name,
    locale: person.locale ?? undefined,
    isLocaleChosen: person.localeChosenAt !== null,
    isActive: person.status === 'active',
    isSchoolAccount: person.kind === 'school_account',
    isSharingStopped: person.sharingStoppedAt !== null,
    createdAt: person.createdAt,
    updatedAt: person.updatedAt,
    ...(numbered === null ? {} : { directoryNumber: numbered.number }),
  };
}

const selectLogins = preparedStatement(({ db, tables: { identifiers } }, param: Param<{ personId: string }>) =>
  db
    .select({ kind: identifiers.kind, value: identifiers.value, verifiedAt: identifiers.verifiedAt })
    .from(identifiers)
    .where(and(eq(identifiers.personId, param('personId')), ne(identifiers.kind, 'school_account')))
    .orderBy(identifiers.createdAt, identifiers.id),
);

/** Lists the logins of a person, without school accounts. */
export async function listIdentifiers(tx: Transaction, personId: string): Promise<Identifier[]> {
  return (await selectLogins(tx, { personId })).flatMap(toIdentifier);
}

function toIdentifier(row: { kind: IdentifierKind; value: string; verifiedAt: number | null }): Identifier[] {
  if (row.kind === 'school_account') return [];
  return [{ kind: row.kind, value: row.value, isVerified: row.verifiedAt !== null }];
}

function toMembership({ membership, school }: { membership: MembershipRow; school: SchoolRow | null }): Membership {
  const { id, personId, role, isPrimary: primary } = membership;
  return { id, personId, role, school: school ?? undefined, isPrimary: primary, ...toValidity(membership) };
}

interface EnrolledRow {
  enrollment: EnrollmentRow;
  class: ClassRow;
  school: SchoolRow;
}

function toEnrollment({ enrollment, class: inClass, school }: EnrolledRow): Enrollment {
  const { id, studentId, seat } = enrollment;
  return { id, studentId, school, ...inClass, seat, ...toValidity(enrollment) };
}

interface ChildRow {
  guardianship: GuardianshipRow;
  name: string;
  birthDateSealed: string | null;
  adultOnLookup: string | null;
  enrollment: EnrollmentRow | null;
  class: ClassRow | null;
  school: SchoolRow | null;
}

function toChildren(guardianId: string, rows: readonly ChildRow[], { reached, open }: ChildDates): Child[] {
  const byGuardianship = Map.groupBy(rows, ({ guardianship }) => guardianship.id);
  return [...byGuardianship.values()].flatMap((ofChild) => {
    const [first] = ofChild;
    if (first === undefined) return [];
    const { state, studentId } = first.guardianship;
    const sealed = first.birthDateSealed;
    let birthDate: string | undefined;
    const isAdult = first.adultOnLookup !== null && reached.has(first.adultOnLookup);
    return {
      guardianship: {
        ...first.guardianship,
        ...{ guardianId, state: isAdult && state === 'active' ? 'suspended' : state },
        ...toValidity(first.guardianship),
      },
      name: first.name,
      // Opened when it is read: a page of the directory holds hundreds of guardians, and reads none.
      get birthDate() {
        return sealed === null ? undefined : (birthDate ??= open(studentId, sealed));
      },
      enrollments: ofChild.flatMap(({ enrollment, class: inClass, school }): Enrollment[] =>
        enrollment === null || inClass === null || school === null
          ? []
          : [toEnrollment({ enrollment, class: inClass, school })],
      ),
    };
  });
}
