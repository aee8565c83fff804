import type { FamilyRequestKind } from '../../domain/binding/family-notices.ts';
import type { FieldErrors } from './common.ts';

/** One of the two accounts of a merge. */
interface MergeAccount {
  id: string;
  name: string;
  lines: readonly string[];
  logins: readonly string[];
}

/** A request as its list shows it. Instants are ms since 1970. */
export interface StaffRequestLine {
  id: string;
  action: string;
  person: { id: string; name: string };
  requestedBy: string;
  requestedAt: number;
  expiresAt: number;
  state: string;
  decidedBy?: string | undefined;
  decidedAt?: number | undefined;
}

interface StaffRequestLocals extends StaffRequestLine {
  before: string;
  after: string;
  otherId: string | undefined;
  reason: string;
  version: number;
  hasChanged: boolean;
  canConfirm: boolean;
  canWithdraw: boolean;
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
}

export interface ClassLine {
  id: string;
  title: string;
  school: string;
}

interface ClassLocals extends ClassLine {
  /** The class of the current term. */
  isCurrent: boolean;
  rows: readonly { id: string; name: string; kind: string; pupil: string; seat: number; state: string }[];
  /** Names of the bulk actions that the policy allows for some of them. */
  actions: readonly string[];
  /** As sent; `chosen` has the ids of the selected people. */
  values: { reason: string; scope: 'chosen' | 'never' | 'class'; chosen: readonly string[] };
  alert?: string | undefined;
  notice?: string | undefined;
}

interface BulkLocals {
  id: string;
  action: string;
  class: ClassLine;
  state: 'draft' | 'running' | 'finished';
  counts: { done: number; requested: number; failed: number; pending: number };
  rows: readonly { id: string; name: string; state: string; problem?: string | undefined }[];
  isPrintable: boolean;
  isPrinted: boolean;
}

/** The locals of the pages of changes by staff. */
export interface StaffChangePages {
  'console/national-id': { id: string; name: string; nationalId: string };
  /** `input` names the account that ends, in its present version. */
  'console/merge': {
    kept: MergeAccount;
    ended: MergeAccount;
    /** Children of active guardianships of a disabled account, which the account that stays may see after the merge. */
    regainedChildren: readonly string[];
    input: string;
    reason: string;
    version: number;
    needsConfirmation: boolean;
  };
  /** `guardian`: of a request to end a guardianship; `at`: ms since 1970. */
  'console/family-requests': {
    requests: readonly {
      kind: FamilyRequestKind;
      id: string;
      at: number;
      student: { id: string; name: string };
      guardian: { id: string; name: string } | undefined;
      text: string;
    }[];
    nextUrl?: string | undefined;
    notice?: string | undefined;
  };
  'console/requests': {
    isOpen: boolean;
    /** The waiting requests of people, if the member of staff also decides the requests of people. */
    subjectRequests?: { count: number; hasMore: boolean } | undefined;
    requests: readonly StaffRequestLine[];
    nextUrl?: string | undefined;
  };
  'console/request': StaffRequestLocals;
  /** `schools`: those that the bureau chooses from. */
  'console/classes': { classes: readonly ClassLine[]; schools: readonly { code: string; name: string }[] };
  'console/class': ClassLocals;
  'console/bulk': BulkLocals;
  /** `expiresAt`: ms since 1970. */
  'console/slips': {
    layout: 'a6' | 'labels';
    class: ClassLine;
    slips: readonly { name: string; logins: readonly string[]; code: string; expiresAt: number }[];
    signInUrl: string;
    backUrl: string;
  };
}
