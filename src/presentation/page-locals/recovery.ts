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
}

/** The pages of people who cannot sign in. */
export interface RecoveryPages {
  'forgot-account/request': ForgotAccountLocals;
  'forgot-account/sent': object;
  'password-reset/request': PasswordResetRequestLocals;
  /** `minutes`: validity of the link. */
  'password-reset/sent': { minutes: number };
  'password-reset/done': { signInUrl: string; purpose: LinkPurpose };
  /** `link` names the reset link of the page; `account` is the masked login. */
  'password-reset/new-password': PasswordFormLocals & { link: string; account: string; purpose: LinkPurpose };
  'password-reset/expired': { requestUrl: string };
}
