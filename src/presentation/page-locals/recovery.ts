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
}

/** The pages of people who cannot sign in. */
export interface RecoveryPages {
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
}
