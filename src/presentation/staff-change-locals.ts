import type { FieldErrors } from './page-locals.ts';

/** One of the two accounts of a merge. */
export interface MergeAccount {
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

export interface StaffRequestLocals extends StaffRequestLine {
  before: string;
  after: string;
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

/** The locals of the pages of changes by staff. */
export interface StaffChangePages {
  'console/national-id': { id: string; name: string; nationalId: string };
  /** `input` names the account that ends, in its present version. */
  'console/merge': { kept: MergeAccount; ended: MergeAccount; input: string; reason: string; version: number };
  'console/requests': { isOpen: boolean; requests: readonly StaffRequestLine[]; nextUrl?: string | undefined };
  'console/request': StaffRequestLocals;
}
