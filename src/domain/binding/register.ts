import { isNationalId, normalizeNationalId } from '../credentials/national-id.ts';
import { codePoints, hasInvisibleCharacters } from '../text.ts';
import {
  needsEvidence,
  parseRelation,
  relationLabel,
  STATED_RELATIONS,
  type ApplicantKind,
  type StatedRelation,
} from './applicants.ts';
import type { BindingConflict } from './conflicts.ts';

/** One row of the register of families: a guardian of a student. IDs are normalized. */
export interface RegisterEntry {
  studentId: string;
  guardianId: string;
  name: string;
  relation: StatedRelation;
}

/** `current`: its entries are the register. `obsolete`: replaced, or it did not finish. Its entries are deleted in batches. */
export type RegisterImportState = 'running' | 'current' | 'obsolete';

/** The columns of the file, each under its English and its Chinese name. */
export const REGISTER_COLUMNS = {
  student_national_id: '學生身分證統一編號',
  guardian_national_id: '家長身分證統一編號',
  guardian_name: '家長姓名',
  relation: '親屬關係',
} as const;
export type RegisterColumn = keyof typeof REGISTER_COLUMNS;
export type RegisterRow = Readonly<Record<RegisterColumn, string>>;

const MAX_NAME_LENGTH = 100;
const RELATION_NAMES = STATED_RELATIONS.flatMap((relation) => [relation, relationLabel(relation)]).join(', ');

/** Reads a row. @returns what is wrong in it, without its values, in place of the entry */
export function parseRegisterRow(row: RegisterRow, today: string): { entry?: RegisterEntry; problems: string[] } {
  const [studentId, guardianId] = [row.student_national_id, row.guardian_national_id].map(normalizeNationalId);
  const name = normalizePersonName(row.guardian_name);
  const relation = parseRelation(row.relation);
  const problems = [
    isNationalId(studentId ?? '', today) ? '' : 'student_national_id is not a valid national ID',
    isNationalId(guardianId ?? '', today) ? '' : 'guardian_national_id is not a valid national ID',
    studentId === guardianId ? 'student and guardian have the same national ID' : '',
    isPersonName(name) ? '' : 'guardian_name is empty, too long or has invisible characters',
    relation === undefined ? `relation must be one of: ${RELATION_NAMES}, or a spelling of docs/operators.md` : '',
  ].filter((problem) => problem !== '');
  if (problems.length > 0 || studentId === undefined || guardianId === undefined || relation === undefined)
    return { problems };
  return { entry: { studentId, guardianId, name, relation }, problems };
}

/** Normalizes a typed name: NFC, single spaces. */
export function normalizePersonName(typed: string): string {
  return typed.normalize('NFC').trim().replace(/\s+/g, ' ');
}

/** Returns true if a normalized name has a length and characters that people can see. */
export function isPersonName(name: string): boolean {
  return name !== '' && codePoints(name).length <= MAX_NAME_LENGTH && !hasInvisibleCharacters(name);
}

/** How an applicant compares with the register. The result has no names: it says only which items are equal. */
export type RegisterMatch =
  /** The register has no guardian of this student. */
  | { kind: 'no_student' }
  /** The register has guardians of this student, and none with this national ID. */
  | { kind: 'no_guardian' }
  | { kind: 'found'; isNameEqual: boolean; isRelationEqual: boolean };

/** The facts that decide whether the register approves an application. */
export interface RegisterFacts {
  kind: ApplicantKind | null;
  /** One of each applicant. */
  matches: readonly RegisterMatch[];
  /** Of the application and of all applicants, also those that a reviewer may accept. */
  conflicts: readonly BindingConflict[];
  /** The birth date of the student is known and the student is under 18. */
  isMinor: boolean;
  /** A guardianship of the student, of any person, is suspended or has ended. */
  hasFormerGuardian: boolean;
  /** The family says that the data of the student is wrong. */
  hasReport: boolean;
}

/** Returns true if the register approves an application: every item of every applicant is equal, and nothing else needs a person. */
export function isApprovedByRegister(facts: RegisterFacts): boolean {
  const { kind, matches, conflicts, isMinor, hasFormerGuardian, hasReport } = facts;
  const isExact = (match: RegisterMatch): boolean =>
    match.kind === 'found' && match.isNameEqual && match.isRelationEqual;
  // A person reads the order of a court, the placement or the letter of delegation.
  if (kind === null || needsEvidence(kind)) return false;
  if (conflicts.length > 0 || !isMinor || hasFormerGuardian || hasReport) return false;
  return matches.length > 0 && matches.every(isExact);
}
