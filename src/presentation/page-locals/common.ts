import type { QrCode } from '../qr-code.ts';

export interface AppName {
  name: string;
}

/** A signed-in person. */
export interface NamedAccount {
  name: string;
  login: string;
}

/** One entry of the language switch. `href` leads back to the same page. */
interface LanguageLink {
  lang: string;
  label: string;
  href: string;
  current: boolean;
}

/** The result of the last form, which a page shows once. */
export interface NoticeLocals {
  notice?: string | undefined;
  /** The form that takes the result back. */
  noticeUndo?: { action: string; field: string; value: string; label: string } | undefined;
  /** The page on which the person does it again. */
  noticeLink?: { url: string; label: string } | undefined;
}

/** Optional locals of every page. */
export interface CommonLocals extends NoticeLocals {
  languageLinks?: readonly LanguageLink[] | undefined;
  /** On the response to a rejected form: the page of the form. */
  formPage?: string | undefined;
  /** The signed-in member of staff administers the city; the navigation of the console shows its pages then. */
  isBureau?: boolean | undefined;
  /** Staff who make or confirm requests. */
  hasRequests?: boolean | undefined;
  /** Staff who decide about requests of families. */
  hasFamilyRequests?: boolean | undefined;
  /** Staff who review applications of families. */
  hasApplications?: boolean | undefined;
  /** Staff who change the settings of schools: the register check and the contacts. */
  hasSchoolSettings?: boolean | undefined;
  /** On pages that refuse something: the desks that help. */
  schoolContacts?: readonly SchoolContactsLocals[] | undefined;
  /** A text of the bureau for all users. */
  announcement?: string | undefined;
}

/** The desks of a school that a family calls. */
export interface SchoolContactsLocals {
  name: string;
  /** `deskLang`: the language of the desk's name if the page has another; `url`: dials the number. */
  contacts: readonly {
    subject: string;
    desk: string;
    deskLang?: string | undefined;
    number: string;
    url: string;
  }[];
}

/** Field name → error text in the language of the page. */
export type FieldErrors = Readonly<Record<string, string>>;

/** The form that sets a password: at the first sign-in, on the account pages and after a reset link. */
export interface PasswordFormLocals {
  action: string;
  name?: string | undefined;
  /** Goes into a hidden field for password managers. */
  login?: string | undefined;
  minLength: number;
  /** A sentence in the language of the page, for the hint. */
  example: string;
  /** Absent if the form does not ask for the current password. */
  asksCurrent?: boolean;
  /** Only if the hash queue was full. */
  values?: { current_password?: string; new_password?: string; confirm_password?: string } | undefined;
  /** The page of a rejected form does not contain the typed passwords again. */
  isCleared?: boolean;
  errors: FieldErrors;
  alert?: string | undefined;
}

/** Sets up an authenticator app or a passkey: during a sign-in and on the account pages. */
export interface FactorSetupLocals {
  action: string;
  /** Base32. */
  secret: string;
  qr: QrCode;
  /** The sealed state of the setup; the form sends it back. */
  setup: string;
  /** The suggested name of the factor. */
  name: string;
  /** `options` of `navigator.credentials.create` as JSON; `setup` is sealed. */
  passkey: { options: string; setup: string };
  alert?: string | undefined;
  errors: FieldErrors;
}

/** The recovery codes, shown once. The form confirms that the person saved them. */
export interface RecoveryCodesLocals {
  action: string;
  codes: readonly string[];
  /** Present while the factor is not stored yet; otherwise `action` is the next page. */
  setup?: string | undefined;
  name?: string | undefined;
}
