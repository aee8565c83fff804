import type { ApplicationState } from '../../domain/binding/application.ts';
import type { Role } from '../../domain/model.ts';
import type {
  AppName,
  FactorSetupLocals,
  FieldErrors,
  NamedAccount,
  PasswordFormLocals,
  RecoveryCodesLocals,
  SchoolContactsLocals,
} from './common.ts';

interface SignInLocals {
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
  /** The action that a reauthentication confirms, as a sentence. */
  purpose?: string | undefined;
  /** The options of a passkey request. */
  passkeyUrl: string;
  forgotPasswordUrl: string;
  schoolSignInUrl: string;
  /** Posted to: ends the interaction with `access_denied`. */
  cancelAction: string;
  /** The app waits on another device, so canceling does not lead back to it. */
  isOnOtherDevice: boolean;
}

interface Choice {
  value: string;
  /** Names role, child and school: `choose.as.*`. */
  title: string;
  role: Role;
  /** The name of the child; with role `parent` only. */
  child?: string | undefined;
  /** Marked; at most one. */
  isLastUsed: boolean;
}

interface SelectAccountLocals {
  action: string;
  app: AppName;
  /** In an order that does not change. */
  choices: readonly Choice[];
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
  cancelAction: string;
}

interface NoContextLocals {
  app: AppName;
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  /** Sentences; without any the page says only that there is nothing to view. */
  reasons: readonly string[];
  schoolContacts: readonly SchoolContactsLocals[];
  /** Posted to: ends the sign-in at the app with `access_denied`. */
  backAction: string;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
}

/** The second factor of a person who has one. */
interface SecondFactorLocals {
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

interface ConsentLocals {
  action: string;
  app: AppName & { url?: string | undefined };
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  /** Posted to: asks for another account within the same authorization request. */
  otherAccountAction: string;
  /** In plain words: `scope.*.title` and `.detail`. */
  items: readonly { title: string; detail: string }[];
}

/** Sign-in with a school account. */
interface SchoolSignInLocals {
  action: string;
  app: AppName;
  values: { school: string; account: string; password?: string | undefined };
  /** The name of the school, if `values.school` is its code. */
  schoolName?: string | undefined;
  schools: readonly { code: string; label: string }[];
  alert?: string | undefined;
  errors: FieldErrors;
  humanCheck: string;
  isReauthentication: boolean;
  /** The action that a reauthentication confirms, as a sentence. */
  purpose?: string | undefined;
  otherAccountUrl: string;
}

/** States of an application in which the family does not start one. */
export const APPLIED_STATES = ['submitted', 'returned', 'approved'] as const satisfies ApplicationState[];

/** The page for a school account at an app that accepts none. */
interface BindingRequiredLocals {
  app: AppName;
  /** The person who is signed in. */
  account?: NamedAccount | undefined;
  applied: (typeof APPLIED_STATES)[number] | undefined;
  startUrl: string;
  cancelAction: string;
  otherAccountAction: string;
  schoolContacts?: readonly SchoolContactsLocals[] | undefined;
}

/** The question to an adult student about one guardian. */
interface AdulthoodLocals {
  app: AppName;
  action: string;
  guardian: { guardianshipId: string; name: string; relation: string };
  otherAccountAction: string;
}

/** The pages of a sign-in. */
export interface InteractionPages {
  'interaction/sign-in': SignInLocals;
  'interaction/school-sign-in': SchoolSignInLocals;
  'interaction/binding-required': BindingRequiredLocals;
  'interaction/sharing-stopped': Omit<BindingRequiredLocals, 'startUrl' | 'applied'>;
  'interaction/adulthood': AdulthoodLocals;
  'interaction/new-password': PasswordFormLocals & { app: AppName };
  'interaction/second-factor': SecondFactorLocals;
  'interaction/second-factor-setup': FactorSetupLocals & { app: AppName; cancelAction: string };
  'interaction/recovery-codes': RecoveryCodesLocals & { app: AppName };
  'interaction/select-account': SelectAccountLocals;
  'interaction/no-context': NoContextLocals;
  'interaction/consent': ConsentLocals;
}
