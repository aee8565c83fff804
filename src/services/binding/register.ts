import { isApprovedByRegister, type RegisterEntry, type RegisterMatch } from '../../domain/binding/register.ts';
import { searchableName } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { listRegisterEntries, lockRegister, type RegisterRow } from '../../store/binding/register.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { CheckedApplication } from './application-check.ts';

/** The register of families: who the city says are the guardians of a student. */
export interface FamilyRegister {
  /** Compares each applicant with the guardians of the student, in the order of the applicants. */
  compare(tx: Transaction, checked: Pick<CheckedApplication, 'student' | 'applicants'>): Promise<RegisterMatch[]>;
}

type Mac = Pick<Secrets, 'mac'>;
type HashedEntry = Omit<RegisterRow, 'importId'>;

/** Returns what the database holds of an entry: keyed hashes. */
export function hashEntry(
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

/** Compares a checked application, and decides if the register approves it. The register stays the same until the transaction ends. */
export async function checkByRegister(
  tx: Transaction,
  register: FamilyRegister,
  checked: CheckedApplication,
): Promise<boolean> {
  const { application, student, guardians, applicants, conflicts } = checked;
  await lockRegister(tx);
  return isApprovedByRegister({
    kind: application.applicantKind,
    matches: await register.compare(tx, checked),
    conflicts: [...conflicts, ...applicants.flatMap((one) => one.conflicts)],
    isMinor: student.isMinor,
    hasFormerGuardian: guardians.some(({ state }) => state !== 'active'),
    hasReport: application.reportSealed !== null,
  });
}
