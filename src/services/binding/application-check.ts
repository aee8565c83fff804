import { isAdultOn } from '../../domain/binding/adulthood.ts';
import {
  findApplicantConflicts,
  findApplicationConflicts,
  type ApplicantFacts,
  type StudentFacts,
} from '../../domain/binding/applicant-conflicts.ts';
import { isBlocking, type BindingConflict } from '../../domain/binding/conflicts.ts';
import type { GuardianshipState } from '../../domain/model.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { listApplicants, type ApplicantRow, type ApplicationRow } from '../../store/binding/applications.ts';
import { listGuardiansOf, type StudentGuardian } from '../../store/binding/review.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { statusOf } from '../people/guardianships.ts';
import { openApplicant, type ApplicantData } from './applicant-data.ts';
import { loadGuardianAccount } from './guardian-account.ts';

/** An applicant with the person who has the same national ID. */
export interface CheckedApplicant {
  row: ApplicantRow;
  data: ApplicantData;
  existing: { id: string; name: string; locale: string | null } | undefined;
  isMobileFree: boolean;
  conflicts: readonly BindingConflict[];
}

/** A submitted application with the facts of the database. */
export interface CheckedApplication {
  application: ApplicationRow;
  /** `isMinor`: the birth date is known and says so. */
  student: { id: string; name: string; nationalIdLookup: string | undefined; isAdult: boolean; isMinor: boolean };
  guardians: readonly StudentGuardian[];
  applicants: readonly CheckedApplicant[];
  /** Conflicts of the application as a whole. */
  conflicts: readonly BindingConflict[];
  /** A conflict forbids the approval. */
  isBlocked: boolean;
  /** The applicants who have an account, and the guardians of the student in any state. */
  beneficiaryIds: readonly string[];
}

/** Compares an application with the people in the database, in a few indexed queries. */
export async function checkApplication(
  tx: Transaction,
  secrets: Pick<Secrets, 'open'>,
  application: ApplicationRow,
  today: string,
): Promise<CheckedApplication | undefined> {
  const person = await people.findPerson(tx, application.studentId);
  if (person === undefined) return undefined;
  const guardians = await listGuardiansOf(tx, person.id);
  const rows = await listApplicants(tx, application.id);
  const loaded = await Promise.all(rows.map((row) => loadApplicant(tx, secrets, row, { guardians, today })));
  const nationalIdLookup = person.nationalIdLookup ?? undefined;
  const student = { id: person.id, name: person.name, nationalIdLookup, ...ageOf(secrets, person, today) };
  const facts: StudentFacts = {
    nationalIdLookup,
    isAdult: student.isAdult,
    guardianships: guardians
      .map(({ guardianId, ...one }) => ({ guardianId, state: stateBySchool(one) }))
      .filter(({ state }) => state === 'active' || state === 'suspended'),
  };
  const all = loaded.map((one) => one.facts);
  const applicants = loaded.map(({ row, data, existing, facts: own }) => ({
    ...{ row, data, existing },
    isMobileFree: own.mobileOwnerId === undefined,
    conflicts: findApplicantConflicts(own, all, facts),
  }));
  const conflicts = findApplicationConflicts(all, facts, { validTo: application.validTo, today });
  return {
    ...{ application, student, guardians, applicants, conflicts },
    isBlocked: [...conflicts, ...applicants.flatMap((one) => one.conflicts)].some(isBlocking),
    beneficiaryIds: [...guardians.map(({ guardianId }) => guardianId), ...all.flatMap((one) => one.existing?.id ?? [])],
  };
}

/** Returns the state without the missing consent of an adult student, which is a conflict of its own. */
function stateBySchool(guardian: Omit<StudentGuardian, 'guardianId'>): GuardianshipState {
  const { state, isSuspendedBySchool } = statusOf(guardian);
  return state === 'suspended' && !isSuspendedBySchool ? 'active' : state;
}

type PersonRow = NonNullable<Awaited<ReturnType<typeof people.findPerson>>>;

/** Without a birth date, a person is neither known as an adult nor as a minor. */
function ageOf(
  secrets: Pick<Secrets, 'open'>,
  { id, birthDateSealed }: PersonRow,
  today: string,
): Pick<CheckedApplication['student'], 'isAdult' | 'isMinor'> {
  if (birthDateSealed === null) return { isAdult: false, isMinor: false };
  const isAdult = isAdultOn(secrets.open('birth-date', id, birthDateSealed), today);
  return { isAdult, isMinor: !isAdult };
}

interface LoadedApplicant extends Pick<CheckedApplicant, 'row' | 'data' | 'existing'> {
  facts: ApplicantFacts;
}

async function loadApplicant(
  tx: Transaction,
  secrets: Pick<Secrets, 'open'>,
  row: ApplicantRow,
  { guardians, today }: { guardians: readonly StudentGuardian[]; today: string },
): Promise<LoadedApplicant> {
  const data = openApplicant(secrets, row);
  const id = await people.findPersonIdByNationalId(tx, row.nationalIdLookup);
  const existing = id === undefined ? undefined : await people.findPerson(tx, id);
  const guardian = guardians.find(({ guardianId }) => guardianId === existing?.id);
  return {
    row,
    data,
    existing,
    facts: {
      nationalIdLookup: row.nationalIdLookup,
      name: data.name,
      email: data.email,
      existing: existing && {
        id: existing.id,
        name: existing.name,
        isActive: existing.status === 'active',
        isUnused: (await loadGuardianAccount(tx, existing.id, today)).isUnused,
        guardianship: guardian && { state: stateBySchool(guardian) },
      },
      emailOwnerId: await people.findPersonIdByIdentifier(tx, 'email', data.email),
      mobileOwnerId: await people.findPersonIdByIdentifier(tx, 'mobile', data.mobile),
    },
  };
}
