/** The locals of each page and mail. The names are the files in `views/`. */
import type { Permission, Relation, Role } from '../domain/model.ts';

export interface AppName {
  name: string;
}

/** A signed-in person. */
export interface NamedAccount {
  name: string;
  login: string;
}

/** An entry of the language switch. `href` reloads the same page. */
export interface LanguageLink {
  lang: string;
  label: string;
  href: string;
  current: boolean;
}

/** Optional locals of every page. */
export interface CommonLocals {
  languageLinks?: readonly LanguageLink[] | undefined;
}

/** Error messages by field name, in the language of the page. */
export type FieldErrors = Readonly<Record<string, string>>;

export interface SignInLocals {
  action: string;
  app?: AppName | undefined;
  /** `password` only after a 503, so that the form keeps its input. */
  values: { login: string; remember: boolean; password?: string | undefined };
  /** The error of the complete form. */
  alert?: string | undefined;
  errors: FieldErrors;
  /** True if the signed-in person has to authenticate again. */
  reauth: boolean;
  forgotUrl: string;
  /** POST target that ends the interaction with `access_denied`. */
  cancelAction?: string | undefined;
  /** True if the app is on another device, so that the page cannot return to it. */
  elsewhere?: boolean | undefined;
}

/** The password form of the first sign-in, the account pages and the reset link. */
export interface PasswordFormLocals {
  action: string;
  name?: string | undefined;
  /** Value of a hidden field for password managers. */
  login?: string | undefined;
  minLength: number;
  /** Only after a 503, so that the form keeps its input. */
  values?: { current_password?: string; new_password?: string; confirm_password?: string } | undefined;
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface Choice {
  value: string;
  /** Role, child and school: `choose.as.*`. */
  title: string;
  role: Role;
  /** Used last: listed first and marked. At most one choice. */
  selected: boolean;
}

export interface SelectAccountLocals {
  action: string;
  app: AppName;
  choices: readonly Choice[];
}

export interface NoContextLocals {
  app: AppName;
  /** POST target that ends the sign-in with `access_denied`. */
  backAction: string;
  /** POST target that requests another account within the same authorization request. */
  otherAccountAction: string;
}

export interface ConsentLocals {
  action: string;
  app: AppName & { url?: string | undefined };
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  /** POST target that requests another account within the same authorization request. */
  otherAccountAction: string;
  /** `scope.*.title` and `.detail`. */
  items: readonly { title: string; detail: string }[];
}

export interface SignOutLocals {
  action: string;
  /** The sealed logout request. */
  request: string;
  name?: string | undefined;
  apps: readonly string[];
  /** True if the page was opened for another session than the current one. */
  changed: boolean;
}

export interface SignedOutLocals {
  /** Apps that confirmed their logout notice. */
  notified: readonly string[];
  /** Apps whose logout notice is still being sent. */
  pending: readonly string[];
}

export interface DeviceCodeLocals {
  action: string;
  xsrf: string;
  /** From an earlier submit or the URL. */
  userCode: string;
  /** A browser with JavaScript submits the form on load. */
  autoSubmit?: boolean | undefined;
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface DeviceConfirmLocals {
  action: string;
  xsrf: string;
  /** In the format that the device shows. */
  userCode: string;
  app: AppName;
  /** The signed-in person, who will be signed in on the device; absent: the next page is sign-in. */
  account?: NamedAccount | undefined;
  /** The value of `confirm` that requests another account. */
  otherAccount: string;
}

export interface AccountLocals {
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
  /** `url` opens the app; `since` is in ms since 1970; `items` are `scope.*.title`. */
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
  errors: FieldErrors;
  signInUrl?: string | undefined;
}

export interface MessageLocals {
  title: string;
  text: string;
  /** Links to continue. At most one is primary. */
  actions: readonly { label: string; href: string; primary: boolean }[];
  /** A form without input: a browser with JavaScript submits it on load. */
  autoSubmit?: { action: string; fields: Readonly<Record<string, string>>; label: string } | undefined;
  /** HTTP status of the response. */
  status: number;
  /** Request id for the IT desk. */
  reference?: string | undefined;
}

export interface PageLocals {
  'interaction/sign-in': SignInLocals;
  'interaction/new-password': PasswordFormLocals & { app: AppName };
  'interaction/select-account': SelectAccountLocals;
  'interaction/no-context': NoContextLocals;
  'interaction/consent': ConsentLocals;
  'sign-out': SignOutLocals;
  'signed-out': SignedOutLocals;
  'device/code': DeviceCodeLocals;
  'device/confirm': DeviceConfirmLocals;
  'device/done': { app: AppName; account?: NamedAccount | undefined };
  'account/overview': AccountLocals;
  'account/password': PasswordFormLocals & { cancelUrl: string };
  'password-reset/request': PasswordResetRequestLocals;
  /** `minutes`: validity of the link; default: 30. */
  'password-reset/sent': { minutes?: number | undefined };
  'password-reset/done': { signInUrl: string };
  /** `link`: token of the reset link; `account`: masked login. */
  'password-reset/new-password': PasswordFormLocals & { link: string; account: string };
  'password-reset/expired': { requestUrl: string };
  message: MessageLocals;
}
export type PageName = keyof PageLocals;

export interface MailLocals {
  /** `closedAt`: ms since 1970; `link`: sets a password. */
  'first-password-closed': { name: string; closedAt: number; link: string };
  /** `changedAt`: ms since 1970; `link`: sets a new password if somebody else changed it. */
  'password-changed': { name: string; changedAt: number; link: string };
  'reset-link': { name: string; link: string; minutes: number };
}
export type MailName = keyof MailLocals;
