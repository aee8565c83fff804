import type { FieldErrors } from './common.ts';

/** One entry of the audit log. */
export interface AuditEntryLocals {
  seq: number;
  /** In ms since 1970. */
  at: number;
  /** The name of the event, and its text in the language of the page. */
  event: string;
  text: string;
  isRefused: boolean;
  actor: { id: string; name: string } | undefined;
  subject: { id: string; name: string } | undefined;
  app: string;
  address: string;
  /** `name: value`. */
  details: readonly string[];
  /** All entries of the same HTTP request. */
  requestUrl: string | undefined;
}

interface ConsoleAuditLocals {
  /** The filter as it was entered. */
  values: Readonly<Record<'person' | 'actor' | 'event' | 'school' | 'client' | 'request' | 'from' | 'to', string>>;
  errors: FieldErrors;
  isFiltered: boolean;
  /** Suggestions for the filter. */
  events: readonly string[];
  apps: readonly { id: string; name: string }[];
  entries: readonly AuditEntryLocals[];
  nextUrl: string | undefined;
  /** The search stopped at this time, in ms, and continues at `nextUrl`. */
  searchedTo: number | undefined;
  csvUrl: string;
  jsonUrl: string;
}

interface ConsoleAuditVerificationLocals {
  state: 'none' | 'running' | 'intact' | 'broken' | 'interrupted';
  /** In ms since 1970. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  progress: { verified: number; total: number } | undefined;
  /** The head of the verified chain. */
  lastEntry: { seq: number; hash: string } | undefined;
  /** Number of the last archived entry; 0 if there is none. */
  archived: number;
  problem: string | undefined;
}

/** `name`: the person. */
interface ConsoleHistoryLocals {
  id: string;
  name: string;
  entries: readonly AuditEntryLocals[];
  nextUrl: string | undefined;
}

/** The pages of the audit log. */
export interface AuditPageLocals {
  'console/audit': ConsoleAuditLocals;
  'console/audit-verification': ConsoleAuditVerificationLocals;
  'console/history': ConsoleHistoryLocals;
}
