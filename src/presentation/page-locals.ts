import type { BureauPageLocals } from './client-page-locals.ts';
import type { SecondFactorChange } from '../domain/credentials/second-factors.ts';
import type { Permission, Relation, Role } from '../domain/model.ts';
import type { AuditPageLocals } from './audit-page-locals.ts';
import type { ContactsLocals, SignInHistoryLocals, ForgotAccountLocals } from './contacts-locals.ts';
import type { ConsoleHomeLocals } from './dashboard-locals.ts';
import type { QrCode } from './qr-code.ts';
import type {
  ConsoleConfirmLocals,
  ConsoleFormLocals,
  ConsoleMembershipsLocals,
  ConsolePersonLocals,
  ConsoleSchoolsLocals,
  ConsoleSearchLocals,
} from './console-locals.ts';
import type { StaffChangePages } from './staff-change-locals.ts';

export interface AppName {
  name: string;
}

/** A signed-in person. */
export interface NamedAccount {
  name: string;
  login: string;
}

/** One entry of the language switch. `href` leads back to the same page. */
export interface LanguageLink {
  lang: string;
  label: string;
  href: string;
  current: boolean;
}

/** Optional locals of every page. */
export interface CommonLocals {
  languageLinks?: readonly LanguageLink[] | undefined;
  /** The signed-in member of staff administers the city; the navigation of the console shows its pages then. */
  isBureau?: boolean | undefined;
  /** Staff who make or confirm requests. */
  hasRequests?: boolean | undefined;
  /** Staff with classes of their own or of their school. */
  hasClasses?: boolean | undefined;
  /** A text of the bureau for all users. */
  announcement?: string | undefined;
}

/** Field name → error text in the language of the page. */
export type FieldErrors = Readonly<Record<string, string>>;

export interface SignInLocals {
  action: string;
  app?: AppName | undefined;
  /** `password` only if the hash queue was full: the form keeps the entered values. */
  values: { login: string; remember: boolean; password?: string | undefined };
  /** The error of the whole form. */
  alert?: string | undefined;
  /** The hidden field of the human check, after repeated failures. */
  humanCheck?: string | undefined;
  errors: FieldErrors;
  /** Only the signed-in person may continue, with the password. */
  isReauthentication: boolean;
  /** The options of a passkey request. */
  passkeyUrl: string;
  forgotPasswordUrl: string;
  /** Posted to: ends the interaction with `access_denied`. */
  cancelAction: string;
  /** The app waits on another device, so canceling does not lead back to it. */
  isOnOtherDevice: boolean;
}

/** The form that sets a password: at the first sign-in, on the account pages and after a reset link. */
export interface PasswordFormLocals {
  action: string;
  name?: string | undefined;
  /** Goes into a hidden field for password managers. */
  login?: string | undefined;
  minLength: number;
  /** Only if the hash queue was full. */
  values?: { current_password?: string; new_password?: string; confirm_password?: string } | undefined;
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface Choice {
  value: string;
  /** Names role, child and school: `choose.as.*`. */
  title: string;
  role: Role;
  /** Shown first and marked; at most one. */
  isLastUsed: boolean;
}

export interface SelectAccountLocals {
  action: string;
  app: AppName;
  choices: readonly Choice[];
}

export interface NoContextLocals {
  app: AppName;
  /** Posted to: ends the sign-in at the app with `access_denied`. */
  backAction: string;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
}

/** The second factor of a person who has one. */
export interface SecondFactorLocals {
  action: string;
  app: AppName;
  account?: NamedAccount | undefined;
  method: 'totp' | 'recovery_code';
  /** The same page for the other method; absent if there is none. */
  otherMethodUrl?: string | undefined;
  /** The options of a passkey request; present if the person has a passkey. */
  passkeyUrl?: string | undefined;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
  cancelAction: string;
  isOnOtherDevice: boolean;
  alert?: string | undefined;
  errors: FieldErrors;
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

export interface SecondFactorListLocals {
  /** Instants are ms since 1970. */
  factors: readonly { id: string; kind: string; name: string; createdAt: number; lastUsedAt: number | null }[];
  /** The number of unused ones. */
  recoveryCodes: number;
  addUrl: string;
  removeAction: string;
  recoveryCodesAction: string;
  notice?: string | undefined;
}

export interface ConsentLocals {
  action: string;
  app: AppName & { url?: string | undefined };
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
  /** In plain words: `scope.*.title` and `.detail`. */
  items: readonly { title: string; detail: string }[];
}

export interface SignOutLocals {
  action: string;
  /** The sealed form. */
  request: string;
  name?: string | undefined;
  apps: readonly string[];
  /** The form belongs to an earlier session than the current one. */
  sessionChanged: boolean;
}

export interface SignedOutLocals {
  /** Apps that have answered their logout notice. */
  notified: readonly string[];
  /** Apps whose logout notice is still being sent. */
  pending: readonly string[];
}

export interface DeviceCodeLocals {
  action: string;
  xsrf: string;
  /** The entered code, or the code in the URL. */
  userCode: string;
  /** A browser with JavaScript submits the form on load. */
  autoSubmit?: boolean | undefined;
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface DeviceConfirmLocals {
  action: string;
  xsrf: string;
  /** As the device shows it. */
  userCode: string;
  app: AppName;
  /** The signed-in person, who will be signed in on the device; absent: sign-in follows. */
  account?: NamedAccount | undefined;
  /** The value of `confirm` that asks for another account. */
  otherAccountValue: string;
}

export interface AccountLocals {
  /** When staff have the second factors removed, ms since 1970. The person can cancel it. */
  removalAt?: number | undefined;
  /** The staff console, for people with a capacity. */
  consoleUrl?: string | undefined;
  person: {
    name: string;
    identifiers: readonly { kind: 'email' | 'mobile' | 'account' | 'school_account'; value: string }[];
  };
  roles: readonly { role: Role; school?: string | undefined; detail?: string | undefined }[];
  children: readonly {
    name: string;
    school: string;
    class: string;
    relation: Relation;
    permissions: readonly Permission[];
    /** Last day of the guardianship, `YYYY-MM-DD`. */
    until?: string | undefined;
  }[];
  /** Instants are ms since 1970. */
  sessions: readonly {
    id: string;
    device: string;
    address: string;
    since: number;
    until: number;
    current: boolean;
  }[];
  /** `url` opens the app; `since` in ms since 1970; `items` in plain words: `scope.*.title`. */
  apps: readonly {
    id: string;
    name: string;
    url?: string | undefined;
    since: number;
    items: readonly string[];
  }[];
  /** Confirmation of the last action, shown once. */
  notice?: string | undefined;
}

export interface PasswordResetRequestLocals {
  action: string;
  values: { login: string };
  alert?: string | undefined;
  /** The hidden field of the human check, after repeated requests. */
  humanCheck?: string | undefined;
  errors: FieldErrors;
  signInUrl: string;
}

export interface MessageLocals {
  title: string;
  text: string;
  /** Links; at most one of them is primary. */
  actions: readonly { label: string; href: string; primary: boolean }[];
  /** A form without input: a browser with JavaScript submits it on load. */
  autoSubmit?: { action: string; fields: Readonly<Record<string, string>>; label: string } | undefined;
  /** HTTP status of the response. */
  status: number;
  /** Request id for the IT desk. */
  reference?: string | undefined;
}

export interface ConsoleActionLocals {
  id: string;
  name: string;
  lines: readonly string[];
  stateText: string;
  action: string;
  /** The version of the person that the form was shown for. */
  version: number;
  isAllowed: boolean;
  needsConfirmation: boolean;
  /** The form has a field for a new value. */
  hasInput: boolean;
  /** The pupil of the guardianship that the action changes. */
  child?: string | undefined;
  values: { reason: string; value: string };
  errors: FieldErrors;
  alert?: string | undefined;
}

/** The locals of each page. The names are the files in `views/`. */
export interface PageLocals extends StaffChangePages, AuditPageLocals, BureauPageLocals {
  'interaction/sign-in': SignInLocals;
  'interaction/new-password': PasswordFormLocals & { app: AppName };
  'interaction/second-factor': SecondFactorLocals;
  'interaction/second-factor-setup': FactorSetupLocals & { app: AppName; cancelAction: string };
  'interaction/recovery-codes': RecoveryCodesLocals & { app: AppName };
  'interaction/select-account': SelectAccountLocals;
  'interaction/no-context': NoContextLocals;
  'interaction/consent': ConsentLocals;
  'sign-out': SignOutLocals;
  'signed-out': SignedOutLocals;
  'device/code': DeviceCodeLocals;
  'device/confirm': DeviceConfirmLocals;
  'device/done': { app: AppName; account?: NamedAccount | undefined };
  'account/overview': AccountLocals;
  /** `person` is sealed: the form works after its session ended. */
  'account/password': PasswordFormLocals & { cancelUrl: string; person: string };
  'account/second-factors': SecondFactorListLocals;
  'account/second-factor-setup': FactorSetupLocals & { cancelUrl: string };
  'account/recovery-codes': RecoveryCodesLocals;
  'account/contacts': ContactsLocals;
  'account/sign-ins': SignInHistoryLocals;
  /** `email`: the new address of the link. */
  'account/contacts-confirm': { email: string };
  'forgot-account/request': ForgotAccountLocals;
  'forgot-account/sent': object;
  'password-reset/request': PasswordResetRequestLocals;
  /** `minutes`: validity of the link. */
  'password-reset/sent': { minutes: number };
  /** `isSetup`: the first password of an invited administrator. */
  'password-reset/done': { signInUrl: string; isSetup?: boolean };
  /** `link` names the reset link of the page; `account` is the masked login. */
  'password-reset/new-password': PasswordFormLocals & { link: string; account: string; isSetup: boolean };
  'password-reset/expired': { requestUrl: string };
  'console/home': ConsoleHomeLocals;
  'console/search': ConsoleSearchLocals;
  'console/person': ConsolePersonLocals;
  'console/action': ConsoleActionLocals;
  'console/form': ConsoleFormLocals;
  'console/confirm': ConsoleConfirmLocals;
  'console/memberships': ConsoleMembershipsLocals;
  'console/schools': ConsoleSchoolsLocals;
  /** `expiresAt`: ms since 1970. */
  'console/slip': { id: string; name: string; school: string; code: string; expiresAt: number };
  message: MessageLocals;
}
export type PageName = keyof PageLocals;

/** The locals of each mail. The names are the files in `views/`. */
export interface MailLocals {
  /** `closedAt`: ms since 1970; `link`: where to set a password. */
  'first-password-closed': { name: string; closedAt: number; link: string };
  /** `changedAt`: ms since 1970; `link`: where to set a new password if another person changed it. */
  'password-changed': { name: string; changedAt: number; link: string };
  /** `at`: ms since 1970; `link`: the page with the second factors. */
  'second-factor-failed': { name: string; at: number; link: string };
  'second-factor-changed': { name: string; change: SecondFactorChange; at: number; link: string };
  'reset-link': { name: string; link: string; minutes: number };
  /** `hours`: validity of the link. */
  'setup-link': { name: string; link: string; hours: number };
  'email-confirmation': { name: string; link: string; minutes: number };
  /** To an address that another person entered; `link`: the account page. */
  'email-in-use': { link: string };
  'mobile-in-use': { name: string; link: string };
  /** `at`: ms since 1970; `login`: the new login, masked; `link`: where to set a new password. */
  'login-changed': { name: string; at: number; kind: 'email' | 'mobile' | 'account'; login: string; link: string };
  /** `logins`: one per line; `link`: the sign-in page. */
  'account-reminder': { name: string; logins: string; link: string };
  /** `action`: name of the action of staff; `at`: ms since 1970; `link`: the account page. */
  'staff-action': { name: string; action: string; at: number; link: string };
}
export type MailName = keyof MailLocals;
