import { isApprovedByRegister, type RegisterEntry, type RegisterMatch } from '../../domain/binding/register.ts';
import { searchableName } from '../../domain/text.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import {
  countRegisterEntries,
  listRegisterEntries,
  replaceRegister,
  type RegisterRow,
} from '../../store/binding/register.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import type { CheckedApplication } from './application-check.ts';

/** The register of families: who the city says are the guardians of a student. */
export interface FamilyRegister {
  /** Compares each applicant with the guardians of the student, in the order of the applicants. */
  compare(tx: Transaction, checked: Pick<CheckedApplication, 'student' | 'applicants'>): Promise<RegisterMatch[]>;
}

type Mac = Pick<Secrets, 'mac'>;
type HashedEntry = Omit<RegisterRow, 'importedAt'>;

function hashEntry(
  { mac }: Mac,
  { studentLookup, guardianLookup }: Pick<HashedEntry, 'studentLookup' | 'guardianLookup'>,
  { name, relation }: Pick<RegisterEntry, 'name' | 'relation'>,
): HashedEntry {
  const pair = `${studentLookup}:${guardianLookup}`;
  return {
    ...{ studentLookup, guardianLookup },
    nameMac: mac('register-entry', `name:${pair}:${searchableName(name)}`),
    relationMac: mac('register-entry', `relation:${pair}:${relation}`),
  };
}

/** Creates the register that operators import from a file. */
export function createImportedRegister({ secrets }: { secrets: Mac }): FamilyRegister {
  return {
    compare: async (tx, { student, applicants }) => {
      const { nationalIdLookup: studentLookup } = student;
      const entries = studentLookup === undefined ? [] : await listRegisterEntries(tx, studentLookup);
      return applicants.map(({ row, data }) => {
        if (studentLookup === undefined || entries.length === 0) return { kind: 'no_student' };
        const expected = hashEntry(secrets, { studentLookup, guardianLookup: row.nationalIdLookup }, data);
        const entry = entries.find(({ guardianLookup }) => guardianLookup === expected.guardianLookup);
        if (entry === undefined) return { kind: 'no_guardian' };
        return {
          kind: 'found',
          isNameEqual: entry.nameMac === expected.nameMac,
          isRelationEqual: entry.relationMac === expected.relationMac,
        };
      });
    },
  };
}

interface ImportDeps {
  store: Store;
  clock: Clock;
  secrets: Mac;
  audit: Pick<Audit, 'append'>;
}

/** Replaces the register by the entries of a file in one transaction. Stores keyed hashes only. */
export async function importRegister(
  { store, clock, secrets, audit }: ImportDeps,
  entries: readonly RegisterEntry[],
): Promise<void> {
  const importedAt = clock.now();
  const lookup = (id: string): string => secrets.mac('national-id-lookup', id);
  // Hashed before the transaction, which keeps other writers of SQLite waiting.
  const rows = entries.map(({ studentId, guardianId, ...rest }) => ({
    ...hashEntry(secrets, { studentLookup: lookup(studentId), guardianLookup: lookup(guardianId) }, rest),
    importedAt,
  }));
  await store.write(async (tx) => {
    const before = await countRegisterEntries(tx);
    await replaceRegister(tx, rows);
    const detail = { capacity: 'operator', before, after: rows.length };
    await audit.append(tx, { event: 'register.imported', outcome: 'ok', detail });
  });
}

/** Compares a checked application, and decides if the register approves it. */
export async function checkByRegister(
  tx: Transaction,
  register: FamilyRegister,
  checked: CheckedApplication,
): Promise<boolean> {
  const { application, student, guardians, applicants, conflicts } = checked;
  return isApprovedByRegister({
    kind: application.applicantKind,
    matches: await register.compare(tx, checked),
    conflicts: [...conflicts, ...applicants.flatMap((one) => one.conflicts)],
    isMinor: student.isMinor,
    hasFormerGuardian: guardians.some(({ state }) => state !== 'active'),
    hasReport: application.reportSealed !== null,
  });
}
