import type { DirectoryChoice } from '../../domain/client-fields.ts';
import type { FieldErrors } from './common.ts';

interface ClientFieldLocals {
  name: string;
  kind: 'text' | 'lines' | 'choice' | 'set' | 'flag';
  values: readonly string[];
  options: readonly { value: string; label: string }[];
}

/** `id` is absent for a new relying party. */
interface ClientFormLocals {
  id?: string | undefined;
  /** The version of the relying party that the form was shown for. */
  version: number;
  fields: readonly ClientFieldLocals[];
  errors: FieldErrors;
  alert?: string | undefined;
}

interface ClientConfirmLocals {
  id?: string | undefined;
  name: string;
  version: number;
  /** One value per line; `before` is absent for a new relying party. */
  changes: readonly { name: string; before: string | undefined; after: string }[];
  /** Every `sub` at the relying party will change. */
  isSectorChanged: boolean;
  /** The form. */
  hidden: readonly { name: string; value: string }[];
  values: { reason: string };
  errors: FieldErrors;
}

/** Access of a client to the LDAP directory. The names are absent while the directory is off. */
interface DirectoryAccessLocals {
  names: { name: string; base: string } | undefined;
}

interface ClientsLocals {
  /** Clients of the file; on the first page only. */
  ofFile: readonly { id: string; name: string }[];
  /** `isShadowed`: the file has a client with the same id. `updatedAt`: ms since 1970. */
  stored: readonly { id: string; name: string; isDisabled: boolean; isShadowed: boolean; updatedAt: number }[];
  nextUrl?: string | undefined;
}

interface ClientLocals {
  id: string;
  name: string;
  fields: readonly { name: string; value: string }[];
  /** The client is in the file. */
  isReadOnly: boolean;
  isShadowed: boolean;
  isRevoking: boolean;
  /** Instants are ms since 1970. */
  disabledAt?: number | undefined;
  directoryChoice: DirectoryChoice;
  previousSecretUntil?: number | undefined;
  previousDirectorySecretUntil?: number | undefined;
  /** Access to the directory. */
  directory?: DirectoryAccessLocals | undefined;
  actions: readonly string[];
  notice?: string | undefined;
}

/** The secrets that were just created. */
interface ClientSecretLocals {
  id: string;
  secret?: string | undefined;
  directory?: (DirectoryAccessLocals & { secret: string }) | undefined;
  isRotated: boolean;
}

interface ClientActionLocals {
  id: string;
  name: string;
  action: string;
  /** What will happen. */
  effect: string;
  version: number;
  isPossible: boolean;
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
}

export interface OperationConfirmLocals {
  section: string;
  title: string;
  /** What will happen. */
  effect: string;
  /** The object of the action. */
  detail: string | undefined;
  action: string;
  button: { value: string; isDanger: boolean };
  hidden: readonly { name: string; value: string }[];
  backUrl: string;
  values: { reason: string };
  errors: FieldErrors;
  alert?: string | undefined;
}

interface KeysLocals {
  /** `since`: ms since 1970. */
  keys: readonly { id: string; purpose: string; alg: string; state: string; since: number }[];
  notice?: string | undefined;
}

interface DeadLettersLocals {
  /** `recipient` is masked; `deadAt`: ms since 1970. */
  letters: readonly {
    id: string;
    kind: string;
    recipient: string;
    lastError: string;
    attempts: number;
    deadAt: number;
  }[];
  nextUrl?: string | undefined;
  notice?: string | undefined;
}

/** The pages about relying parties, keys and undelivered messages. */
export interface BureauPageLocals {
  'console/clients': ClientsLocals;
  'console/client': ClientLocals;
  'console/client-form': ClientFormLocals;
  'console/client-confirm': ClientConfirmLocals;
  'console/client-action': ClientActionLocals;
  'console/client-secret': ClientSecretLocals;
  'console/keys': KeysLocals;
  'console/dead-letters': DeadLettersLocals;
  'console/operation-confirm': OperationConfirmLocals;
}
