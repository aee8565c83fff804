import type { ConsoleHomeLocals } from './dashboard.ts';
import type { FieldErrors } from './common.ts';

/** One field of a form of the console. */
export type FormField = {
  name: string;
  label: string;
  hint?: string;
} & (
  | { kind: 'text'; value: string; maxLength: number; isOptional?: boolean }
  | { kind: 'textarea'; value: string; maxLength: number; isOptional?: boolean; rows?: number }
  | { kind: 'date' | 'datetime-local'; value: string; isOptional?: boolean }
  | { kind: 'number'; value: string; min: number; max: number }
  | { kind: 'select'; value: string; options: readonly { value: string; label: string }[] }
  | { kind: 'checkbox'; isChecked: boolean }
);

/** The section of the console that the navigation marks as current. */
type ConsoleSection =
  'settings' | 'announcement' | 'schools' | 'school-contacts' | 'person' | 'notices' | 'register-check';

/** A form of the bureau. Its submission leads to `console/confirm`. */
export interface ConsoleFormLocals {
  section: ConsoleSection;
  title: string;
  intro?: string;
  /** A list below the introduction. */
  points?: readonly string[];
  action: string;
  hidden: Readonly<Record<string, string>>;
  fields: readonly FormField[];
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
  /** Another action on the same thing, with one button. */
  other?:
    | { title: string; text: string; action: string; fields: Readonly<Record<string, string>>; isDanger: boolean }
    | undefined;
  cancelUrl?: string;
}

/** Says what a change will do and asks for a reason. */
export interface ConsoleConfirmLocals {
  section: ConsoleSection;
  title: string;
  effects: readonly string[];
  changes: readonly { label: string; before: string; after: string }[];
  /** Long texts, shown as readers see them. */
  texts?: readonly { label: string; text: string }[];
  action: string;
  /** Sent again with the confirmation. */
  fields: Readonly<Record<string, string>>;
  cancelUrl: string;
  /** The form before it can be shown again with the fields. */
  isEditable?: boolean;
  isDanger?: boolean;
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface ConsoleMembershipsLocals {
  id: string;
  name: string;
  /** The version of the person that the forms are shown for. */
  version: number;
  memberships: readonly {
    id: string;
    duty: string;
    school: string | undefined;
    /** `2027-01-31` */
    from: string | undefined;
    until: string | undefined;
    isEnded: boolean;
  }[];
  notice?: string | undefined;
}

export interface ConsoleSchoolsLocals {
  schools: readonly { code: string; name: string; type: string; district: string; isClosed: boolean }[];
  notice?: string | undefined;
}

export interface ConsoleNoticesLocals {
  /** `publishedAt`: ms since 1970. */
  notices: readonly {
    version: number;
    publishedAt: number | undefined;
    publishedBy: string | undefined;
    isCurrent: boolean;
  }[];
  notice?: string | undefined;
}

export interface ConsoleNoticeLocals {
  version: number;
  chinese: string;
  english: string;
  publishedAt: number | undefined;
  publishedBy: string | undefined;
}

export interface ConsoleSchoolContactsLocals {
  schools: readonly { code: string; name: string; lines: readonly string[] }[];
  notice?: string | undefined;
}

export interface ConsoleRegisterCheckLocals {
  schools: readonly { code: string; name: string; isOn: boolean }[];
  importedAt: number | undefined;
  notice?: string | undefined;
}

export interface ConsoleSearchLocals {
  /** The text of the search. */
  q: string;
  /** `lines`: what the person is, one affiliation each. */
  people: readonly {
    id: string;
    name: string;
    isDisabled: boolean;
    lines: readonly string[];
    logins: readonly string[];
  }[];
  nextUrl?: string | undefined;
  isFirstPage: boolean;
}

export interface ConsolePersonLocals {
  id: string;
  name: string;
  /** Value of `data-person-state`. */
  state: string;
  /** The state in one sentence. */
  stateText: string;
  lines: readonly string[];
  logins: readonly { kind: string; value: string; isVerified: boolean }[];
  /** A mobile number that the person entered and staff have not confirmed. */
  pendingMobile?: string | undefined;
  guardianships: readonly {
    id: string;
    guardian: { id: string; name: string };
    student: { id: string; name: string };
    relation: string;
    state: string;
    /** Why the school suspended or ended it; absent for staff who may not change it. */
    reason?: string | undefined;
    until?: string | undefined;
    /** The person of the page is the guardian. */
    isGuardian: boolean;
    /** Names of the changes that the member of staff may do. */
    actions: readonly string[];
  }[];
  /** Masked; absent for capacities that may not see it. */
  nationalId?: string | undefined;
  /** When the pending removal of the second factors takes effect, ms since 1970. */
  removalAt?: number | undefined;
  /** The newest requests about the person. */
  requests: readonly { id: string; action: string; state: string; requestedAt: number }[];
  /** Instants are ms since 1970. */
  signIns: readonly { at: number; text: string; isFailed: boolean; address: string; app: string }[];
  sessions: readonly { device: string; address: string; since: number }[];
  /** Names of the actions that the member of staff may do. */
  actions: readonly string[];
  /** The reason if there are none. */
  denied?: string | undefined;
  notice?: string | undefined;
}

interface ConsoleActionLocals {
  id: string;
  name: string;
  lines: readonly string[];
  stateText: string;
  action: string;
  /** The version of the person that the form was shown for. */
  version: number;
  isAllowed: boolean;
  needsConfirmation: boolean;
  /** The merge with the account that has the entered national ID. */
  mergeUrl: string | undefined;
  /** The form has a field for a new value. */
  hasInput: boolean;
  /** The action rests on a document. */
  isOnDocuments: boolean;
  /** The action takes access away. */
  isDestructive: boolean;
  /** The pupil of the guardianship that the action changes. */
  child?: string | undefined;
  values: { reason: string; value: string };
  errors: FieldErrors;
  alert?: string | undefined;
}

/** The pages of the console about people, schools and settings. */
export interface ConsolePages {
  'console/home': ConsoleHomeLocals;
  'console/search': ConsoleSearchLocals;
  'console/person': ConsolePersonLocals;
  'console/action': ConsoleActionLocals;
  'console/form': ConsoleFormLocals;
  'console/confirm': ConsoleConfirmLocals;
  'console/memberships': ConsoleMembershipsLocals;
  'console/notice': ConsoleNoticeLocals;
  'console/notices': ConsoleNoticesLocals;
  'console/register-check': ConsoleRegisterCheckLocals;
  'console/school-contacts': ConsoleSchoolContactsLocals;
  'console/schools': ConsoleSchoolsLocals;
  /** `expiresAt`: ms since 1970. */
  'console/slip': {
    id: string;
    name: string;
    school: string;
    /** The logins as people write them. */
    logins: readonly string[];
    signInUrl: string;
    code: string;
    expiresAt: number;
  };
}
