import type { ApplicantKind, StatedRelation } from '../../domain/binding/applicants.ts';
import type { ApplicationState } from '../../domain/binding/application.ts';
import type { NoticeAnswer } from '../../domain/binding/notice.ts';
import type { BindingStep } from '../../domain/binding/steps.ts';
import type { AppName, FieldErrors, NamedAccount, SchoolContactsLocals } from './common.ts';

/** The fields that every step of an application shows. */
export interface BindingShell {
  /** The relying party that the family came from. */
  app?: AppName | undefined;
  state: ApplicationState;
  version: number;
  action: string;
  /** The name of the student. */
  student: string;
  progress: { position: number; count: number };
  /** There is a step before this one. */
  hasBack: boolean;
  /** Why the school returned the application. */
  reason?: string | undefined;
  notice?: string | undefined;
  alert?: string | undefined;
  errors: FieldErrors;
}

interface StudentLocals extends BindingShell {
  school: string;
  /** Student number. */
  number: string;
  class: string;
  seat: number;
  values: { isConfirmed: boolean; report: string };
}

interface NoticeLocals extends BindingShell {
  noticeVersion: number;
  text: string;
  answers: readonly NoticeAnswer[];
  answer: string;
}

interface ApplicantsLocals extends BindingShell {
  kinds: readonly ApplicantKind[];
  values: { kind: string; validTo: string };
}

interface ApplicantLocals extends BindingShell {
  position: 1 | 2;
  /** There are two applicants. */
  hasSecond: boolean;
  values: Readonly<Record<'name' | 'relation' | 'national_id' | 'mobile' | 'email' | 'email_code', string>>;
  relations: readonly StatedRelation[];
  isEmailVerified: boolean;
  /** The address that a code was mailed to; the page asks for the code. */
  codeSentTo?: string | undefined;
}

interface EvidenceFile {
  id: string;
  name: string;
  /** Bytes. */
  size: number;
}

interface EvidenceLocals extends BindingShell {
  kind: ApplicantKind;
  files: readonly EvidenceFile[];
  limits: { count: number; megabytes: number };
  removeAction: string;
  isRequired: boolean;
}

interface SummaryLocals extends BindingShell {
  school: string;
  number: string;
  class: string;
  seat: number;
  report?: string | undefined;
  kind: ApplicantKind;
  validTo?: string | undefined;
  noticeVersion: number;
  applicants: readonly {
    position: number;
    name: string;
    relation: StatedRelation;
    /** Masked. */
    nationalId: string;
    mobile: string;
    email: string;
  }[];
  files: readonly EvidenceFile[];
  /** Where each part is corrected. */
  links: Readonly<Partial<Record<BindingStep, string>>>;
  withdrawUrl: string;
}

interface StatusLocals {
  app?: AppName | undefined;
  state: ApplicationState;
  student: string;
  /** ms since 1970. */
  submittedAt?: number | undefined;
  reason?: string | undefined;
  /** The receipt of a refusal. `at`: ms since 1970. */
  refusal?: { answer: NoticeAnswer; version: number; at: number } | undefined;
  applicants: readonly { position: number; name: string; nationalId: string; email: string }[];
  isApprovedByRegister: boolean;
  /** The next step of an application that can be changed. */
  nextUrl?: string | undefined;
  restartAction?: string | undefined;
  withdrawUrl?: string | undefined;
  /** Starts the relying party that the family came from. */
  appUrl?: string | undefined;
  alert?: string | undefined;
}

/** The pages of a family that applies for the binding of its child. */
export interface BindingPages {
  'binding/status': StatusLocals;
  'binding/student': StudentLocals;
  'binding/notice': NoticeLocals;
  'binding/applicants': ApplicantsLocals;
  'binding/applicant': ApplicantLocals;
  'binding/evidence': EvidenceLocals;
  'binding/summary': SummaryLocals;
  'binding/withdraw': {
    state: ApplicationState;
    version: number;
    student: string;
    action: string;
    cancelUrl: string;
    alert?: string | undefined;
  };
  /** For a person who is signed in with another account. */
  'binding/other-account': {
    account: NamedAccount | undefined;
    signInUrl: string;
    schoolContacts: readonly SchoolContactsLocals[];
  };
  /** The student has left the school of the account. */
  'binding/ended': object;
}
