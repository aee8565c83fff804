import type {
  DeadlineState,
  ErasureObstacle,
  SubjectRequestAnswer,
  SubjectRequestKind,
  SubjectRequestState,
} from '../../domain/binding/subject-requests.ts';
import type { FieldErrors } from './common.ts';

export interface DataLine {
  label: string;
  value: string;
}

/** A part of the copy; each item is one stored thing. */
export interface DataSection {
  id: string;
  title: string;
  items: readonly (readonly DataLine[])[];
}

interface RequestLocals {
  id: string;
  kind: SubjectRequestKind;
  state: SubjectRequestState;
  /** Instants are ms since 1970. */
  createdAt: number;
  dueAt: number;
}

interface DataLocals {
  sections: readonly DataSection[];
  /** More audit entries are in the download. */
  hasMoreEvents: boolean;
  requests: readonly RequestLocals[];
  kinds: readonly SubjectRequestKind[];
  isSharingStopped: boolean;
  isSchoolAccount: boolean;
  /** How long applications and their evidence stay after the result, in days. */
  retention: { applicationDays: number; evidenceDays: number };
  notice?: string | undefined;
}

interface DataRequestLocals {
  kind: SubjectRequestKind;
  /** The confirmation shows the text and what will happen. */
  isConfirmation: boolean;
  values: { what: string; why: string };
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
}

type DataReceiptLocals = RequestLocals & {
  what: string;
  why: string;
  /** The answer of the school. */
  reason: string;
  extendedAt: number | null;
  decidedAt: number | null;
  notice?: string | undefined;
};

type SubjectRequestLine = RequestLocals & {
  /** `name` is empty after a deletion. */
  person: { id: string; name: string };
  deadline: DeadlineState;
  extendedAt: number | null;
  decidedAt: number | null;
  decidedBy: string | undefined;
};

type SubjectRequestPageLocals = SubjectRequestLine & {
  what: string;
  why: string;
  /** The answer that was given. */
  answered: string;
  answers: readonly SubjectRequestAnswer[];
  obstacle: ErasureObstacle | undefined;
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
};

/** The pages about the data of people. */
export interface DataPages {
  'account/data': DataLocals;
  'account/data-request': DataRequestLocals;
  'account/data-receipt': DataReceiptLocals;
  'console/subject-requests': {
    isOpen: boolean;
    requests: readonly SubjectRequestLine[];
    nextUrl: string | undefined;
  };
  'console/subject-request': SubjectRequestPageLocals;
}
