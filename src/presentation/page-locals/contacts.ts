import type { FieldErrors } from './common.ts';

/** The page with email, mobile number, account name and language. */
export interface ContactsLocals {
  email: { value: string; isVerified: boolean } | undefined;
  /** Waits for its link. */
  pendingEmail: string | undefined;
  mobile: string | undefined;
  /** Waits until staff confirm it. */
  pendingMobile: string | undefined;
  account: string | undefined;
  /** As entered. */
  values: { email: string; mobile: string; account: string };
  languages: readonly { tag: string; name: string; isChosen: boolean }[];
  errors: FieldErrors;
  alert?: string | undefined;
  notice?: string | undefined;
}

export interface SignInHistoryLocals {
  /** Newest first; `at` in ms since 1970; `device` is empty if it is not known. */
  signIns: readonly { at: number; text: string; isFailed: boolean; device: string; app: string }[];
  nextUrl?: string | undefined;
  isFirstPage: boolean;
}

export interface ForgotAccountLocals {
  action: string;
  values: { national_id: string; contact: string };
  errors: FieldErrors;
  alert?: string | undefined;
  /** The hidden field of the human check. */
  humanCheck: string;
}
