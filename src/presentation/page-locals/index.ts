import type { AccountPages } from './account.ts';
import type { AnswerPages } from './answers.ts';
import type { AuditPageLocals } from './audit.ts';
import type { BindingPages } from './binding.ts';
import type { BureauPageLocals } from './clients.ts';
import type { NamedAccount, SchoolContactsLocals } from './common.ts';
import type { ConsolePages } from './console.ts';
import type { DataPages } from './data.ts';
import type { DevicePages } from './device.ts';
import type { InteractionPages } from './interaction.ts';
import type { RecoveryPages } from './recovery.ts';
import type { ReviewPages } from './review.ts';
import type { SignOutPages } from './sign-out.ts';
import type { StaffChangePages } from './staff-changes.ts';

export interface MessageLocals {
  title: string;
  text: string;
  /** Links; at most one of them is primary. */
  actions: readonly { label: string; href: string; primary: boolean }[];
  /** A form without input: a browser with JavaScript submits it on load. */
  autoSubmit?: { action: string; fields: Readonly<Record<string, string>>; label: string } | undefined;
  /** HTTP status of the response. */
  status: number;
  /** For the IT desk, to find the log line of the request. */
  reference?: string | undefined;
  /** The signed-in person, whose account cannot use the page. */
  account?: NamedAccount | undefined;
  schoolContacts?: readonly SchoolContactsLocals[];
}

/** The locals of each page. The names are the files in `views/`. */
export interface PageLocals
  extends
    InteractionPages,
    SignOutPages,
    DevicePages,
    AccountPages,
    BindingPages,
    DataPages,
    RecoveryPages,
    ConsolePages,
    StaffChangePages,
    ReviewPages,
    AnswerPages,
    AuditPageLocals,
    BureauPageLocals {
  message: MessageLocals;
  /** `typed`: the school as entered; `matches`: the schools that it means. */
  'school-contacts': {
    typed: string;
    options: readonly { code: string; name: string }[];
    matches: readonly { code: string; name: string }[];
    schoolContacts: readonly SchoolContactsLocals[];
  };
}
export type PageName = keyof PageLocals;
