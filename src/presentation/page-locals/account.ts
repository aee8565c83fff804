import type { ApplicationState } from '../../domain/binding/application.ts';
import type { Permission, Relation, Role } from '../../domain/model.ts';
import type {
  FactorSetupLocals,
  FieldErrors,
  PasswordFormLocals,
  RecoveryCodesLocals,
  SchoolContactsLocals,
} from './common.ts';
import type { ContactsLocals, SignInHistoryLocals } from './contacts.ts';

export interface AccountLocals {
  /** When staff have the second factors removed, ms since 1970. The person can cancel it. */
  removalAt?: number | undefined;
  /** Changes that the person has not confirmed, newest first; `at` in ms since 1970. */
  changes: readonly { at: number; text: string; origin: string }[];
  /** The number of the newest one. */
  changesThrough?: number | undefined;
  /** It has no contacts, second factors, roles and apps of its own. */
  isSchoolAccount: boolean;
  /** The newest application of a school account. */
  applicationState?: ApplicationState | undefined;
  /** The staff console, for people with a capacity. */
  consoleUrl?: string | undefined;
  /** The person has application passwords, or can create one. */
  hasApplicationPasswords: boolean;
  /** Names of the clients whose service account in the directory sees the person. */
  directoryServices: readonly string[];
  /** The person is an adult student with guardians. */
  hasGuardians: boolean;
  /** One of them waits for the consent. */
  needsConsent: boolean;
  person: {
    name: string;
    identifiers: readonly { kind: 'email' | 'mobile' | 'account' | 'school_account'; value: string }[];
  };
  /** The desks of the schools that help the person, by subject. */
  schoolContacts: readonly SchoolContactsLocals[];
  roles: readonly { role: Role; school?: string | undefined; detail?: string | undefined }[];
  children: readonly {
    /** Of the guardianship. */
    id: string;
    name: string;
    school: string;
    class: string;
    relation: Relation;
    permissions: readonly Permission[];
    /** Sentences that say which apps do not list the child, and why. */
    hiddenFrom: readonly string[];
    /** Last day of the guardianship, `YYYY-MM-DD`. */
    until?: string | undefined;
  }[];
  /** Instants are ms since 1970. */
  sessions: readonly {
    id: string;
    device: string;
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
  /** Apps that serve the person and have no access yet. */
  unusedApps: readonly { name: string; url: string }[];
  /** Confirmation of the last action, shown once. */
  notice?: string | undefined;
}

/** A guardian as the adult student sees them. */
interface GuardianLocals {
  guardianshipId: string;
  name: string;
  relation: string;
  isActive: boolean;
  isConsentAwaited: boolean;
  /** The student has not decided. */
  isUndecided: boolean;
  /** Last day, `YYYY-MM-DD`. */
  until: string | undefined;
}

interface SecondFactorListLocals {
  /** Instants are ms since 1970. */
  factors: readonly { id: string; kind: string; name: string; createdAt: number; lastUsedAt: number | null }[];
  /** The number of unused ones. */
  recoveryCodes: number;
  addUrl: string;
  removeAction: string;
  recoveryCodesAction: string;
  notice?: string | undefined;
}

interface ApplicationPasswordListLocals {
  /** Instants are ms since 1970. */
  passwords: readonly { id: string; name: string; service: string; createdAt: number; lastUsedAt: number | null }[];
  /** The services that the person can create a password for. */
  services: readonly { id: string; name: string }[];
  /** Unique id of the form. */
  form: string;
  /** The id of the chosen service and the typed name, after the person signed in again. */
  values: { service: string; name: string };
  action: string;
  revokeAction: string;
  notice?: string | undefined;
}

/** The account pages. */
export interface AccountPages {
  'account/overview': AccountLocals;
  /** `person` is sealed: the form works after its session ended. */
  'account/password': PasswordFormLocals & { cancelUrl: string; person: string };
  'account/second-factors': SecondFactorListLocals;
  'account/second-factor-setup': FactorSetupLocals & { cancelUrl: string };
  'account/recovery-codes': RecoveryCodesLocals;
  'account/application-passwords': ApplicationPasswordListLocals;
  /** `password`: shown once; `login`: what the person types as the account. */
  'account/application-password': { password: string; name: string; service: string; login: string; listUrl: string };
  'account/contacts': ContactsLocals;
  'account/guardians': { guardians: readonly GuardianLocals[]; notice?: string | undefined };
  'account/guardian': { guardian: GuardianLocals; notice?: string | undefined };
  /** `id`: of the guardianship; `requestedAt`: when the guardian asked to end it, ms since 1970. */
  'account/child': {
    id: string;
    name: string;
    requestedAt: number | undefined;
    values: { reason: string };
    errors: FieldErrors;
    notice?: string | undefined;
  };
  'account/sign-ins': SignInHistoryLocals;
  /** `email`: the new address of the link. */
  'account/contacts-confirm': { email: string };
  /** `email`: the former address, masked. */
  'account/email-revert': { action: string; email: string };
  /** `pending`: a mobile number that waits for staff. */
  'account/contact-removal': { kind: 'mobile' | 'account'; login: string | undefined; pending: string | undefined };
}
