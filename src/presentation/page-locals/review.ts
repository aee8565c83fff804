import type { ReviewDecision } from '../../domain/binding/application.ts';
import type { FieldErrors } from './common.ts';
import type { ClassLine } from './staff-changes.ts';

interface Option {
  value: string;
  label: string;
}

/** The queue of applications. Instants are ms since 1970. */
interface ApplicationsLocals {
  filter: { state: string; school: string; class: string; age: string };
  states: readonly string[];
  /** Days of the age filter. */
  ages: readonly number[];
  /** Empty for staff of one school. */
  schools: readonly Option[];
  classes: readonly ClassLine[];
  /** The bureau has not chosen a school yet. */
  needsSchool: boolean;
  applications: readonly {
    id: string;
    student: string;
    /** School, class and seat of each current enrollment. */
    places: readonly string[];
    kind: string | null;
    state: string;
    submittedAt: number;
    ageDays: number | undefined;
  }[];
  nextUrl?: string | undefined;
}

/** One line of a comparison: what the application says, and what the roster or the accounts say. */
export interface ComparedLine {
  label: string;
  value: string;
  check: string;
  isDifferent: boolean;
}

interface ApplicationLocals {
  id: string;
  version: number;
  state: string;
  kind: string | null;
  /** `2027-01-20` */
  validTo: string | null;
  submittedAt: number | null;
  decidedAt: number | null | undefined;
  decidedBy?: string | undefined;
  student: { id: string; name: string; lines: readonly ComparedLine[] };
  /** The report of the family about wrong data in the roster. */
  report?: string | undefined;
  /** Why it was returned or rejected. */
  reason?: string | undefined;
  /** Of staff, before the current one. */
  earlierDecisions: readonly { at: number; decidedBy?: string | undefined; state: string; reason: string }[];
  guardians: readonly { id: string; name: string; relation: string; state: string }[];
  applicants: readonly {
    position: number;
    name: string;
    lines: readonly ComparedLine[];
    conflicts: readonly string[];
  }[];
  conflicts: readonly string[];
  /** Names of conflicts that forbid the approval. */
  blocking: readonly string[];
  files: readonly { id: string; name: string; type: string; bytes: number }[];
  decisions: readonly ReviewDecision[];
  /** The effects of the approval for each applicant. */
  results: readonly { personId: string; name: string; notes: readonly string[] }[];
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
}

/** The pages of the console about applications of families. */
export interface ReviewPages {
  'console/applications': ApplicationsLocals;
  'console/application': ApplicationLocals;
}
