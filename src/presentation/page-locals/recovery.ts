import type { LinkPurpose } from '../../domain/credentials/first-password.ts';
import type { FieldErrors, PasswordFormLocals } from './common.ts';
import type { ForgotAccountLocals } from './contacts.ts';

interface PasswordResetRequestLocals {
  action: string;
  values: { login: string };
  alert?: string | undefined;
  /** The hidden field of the human check, after repeated requests. */
  humanCheck?: string | undefined;
  errors: FieldErrors;
  signInUrl: string;
  /** The app or page of the sign-in, if any. */
  app?: { name: string } | undefined;
}

interface PasswordResetSentLocals {
  /** Validity of the link. */
  minutes: number;
  /** As typed. */
  login: string;
  errors: FieldErrors;
  /** Posted to: sends the link again. */
  action: string;
  /** Opened when the person reloads the page. */
  formPage: string;
  humanCheck?: string | undefined;
  signInUrl: string;
  app?: { name: string } | undefined;
}

/** The pages of people who cannot sign in. */
export interface RecoveryPages {
  'forgot-account/request': ForgotAccountLocals;
  'forgot-account/sent': object;
  'password-reset/request': PasswordResetRequestLocals;
  'password-reset/sent': PasswordResetSentLocals;
  'password-reset/done': { signInUrl: string; purpose: LinkPurpose; app?: { name: string } | undefined };
  /** `link` names the reset link of the page; `account` is the masked login, `login` the one that this browser typed to request the link. */
  'password-reset/new-password': PasswordFormLocals & {
    link: string;
    account: string;
    login?: string | undefined;
    purpose: LinkPurpose;
    app?: { name: string } | undefined;
  };
  /** `isReplaced`: a newer link was sent. */
  'password-reset/expired': { requestUrl: string; signInUrl: string; isReplaced: boolean };
}
