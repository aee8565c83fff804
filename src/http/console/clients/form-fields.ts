import { isDirectoryOnly } from '../../../config/client-directory.ts';
import { clientSchema, requiresPkce, type ClientRegistration } from '../../../config/clients.ts';
import { localize } from '../../../config/localized-text.ts';
import {
  CLIENT_FIELDS,
  DIRECTORY_CHOICES,
  DIRECTORY_ONLY_FIELDS,
  type ClientField,
  type DirectoryChoice,
} from '../../../domain/client-fields.ts';
import { SCOPES } from '../../../domain/claims/scopes.ts';
import { PERMISSIONS, ROLES, SCHOOL_TYPES } from '../../../domain/model.ts';
import { DEFAULT_LANGUAGE, SECOND_LANGUAGE } from '../../../domain/text.ts';

/** `lines`: one value per line. `set`: zero or more options. */
type FieldKind = 'text' | 'lines' | 'choice' | 'set' | 'flag';

/** The entered text of each field; one entry per line or option. */
export type ClientValues = Readonly<Record<ClientField, readonly string[]>>;

const KINDS: Partial<Record<ClientField, FieldKind>> = {
  directory: 'choice',
  directory_scan: 'flag',
  application_type: 'choice',
  token_endpoint_auth_method: 'choice',
  redirect_uris: 'lines',
  post_logout_redirect_uris: 'lines',
  allowed_origins: 'lines',
  scopes: 'set',
  school_types: 'set',
  permissions: 'set',
  acting_roles: 'set',
  first_party: 'flag',
  school_accounts: 'flag',
  id_token_signed_response_alg: 'choice',
  require_pkce: 'flag',
  require_pushed_authorization_requests: 'flag',
  dpop_bound_access_tokens: 'flag',
  device_flow: 'flag',
  resources: 'lines',
};

export const FIELD_OPTIONS: Partial<Record<ClientField, readonly string[]>> = {
  directory: DIRECTORY_CHOICES,
  application_type: clientSchema.shape.application_type.unwrap().options,
  token_endpoint_auth_method: clientSchema.shape.token_endpoint_auth_method.unwrap().options,
  scopes: SCOPES,
  school_types: SCHOOL_TYPES,
  permissions: PERMISSIONS,
  acting_roles: ROLES,
  id_token_signed_response_alg: clientSchema.shape.id_token_signed_response_alg.unwrap().options,
};

/** The value of a checked box. */
const FLAG_ON = 'yes';

export function kindOf(field: ClientField): FieldKind {
  return KINDS[field] ?? 'text';
}

/** The values of an empty form: the defaults of the clients file. */
export const NEW_CLIENT: ClientValues = {
  client_id: [],
  name_zh: [],
  name_en: [],
  client_uri: [],
  directory: ['no'],
  directory_scan: [],
  application_type: ['web'],
  token_endpoint_auth_method: ['client_secret_basic'],
  jwks_uri: [],
  redirect_uris: [],
  post_logout_redirect_uris: [],
  allowed_origins: [],
  backchannel_logout_uri: [],
  initiate_login_uri: [],
  sector_identifier_uri: [],
  scopes: ['openid'],
  school_types: SCHOOL_TYPES,
  permissions: [],
  acting_roles: ROLES,
  first_party: [],
  school_accounts: [],
  id_token_signed_response_alg: ['RS256'],
  require_pkce: [],
  require_pushed_authorization_requests: [],
  dpop_bound_access_tokens: [],
  device_flow: [],
  resources: [],
  introspects: [],
};

/** Returns true if the clients file has the field under the same name. */
function isPlain(
  field: ClientField,
): field is Exclude<ClientField, 'name_zh' | 'name_en' | 'directory' | 'directory_scan'> {
  return !['name_zh', 'name_en', 'directory', 'directory_scan'].includes(field);
}

/** Returns the access of a registered client to the directory. */
export function directoryChoiceOf(client: ClientRegistration): DirectoryChoice {
  if (client.ldap === undefined) return 'no';
  return isDirectoryOnly(client) ? 'only' : 'also';
}

function toFlag(isOn: boolean): string[] {
  return isOn ? [FLAG_ON] : [];
}

/** Returns the form of a registration. */
export function valuesOf(client: ClientRegistration): ClientValues {
  const shown: readonly ClientField[] = isDirectoryOnly(client) ? DIRECTORY_ONLY_FIELDS : CLIENT_FIELDS;
  const plain = CLIENT_FIELDS.filter(isPlain).map((field): [ClientField, readonly string[]] => {
    const value = field === 'require_pkce' ? requiresPkce(client) : client[field];
    if (!shown.includes(field)) return [field, []];
    return [field, typeof value === 'boolean' ? toFlag(value) : [value ?? []].flat()];
  });
  const { client_name: name, ldap } = client;
  return {
    ...NEW_CLIENT,
    ...Object.fromEntries(plain),
    name_zh: [localize(name, DEFAULT_LANGUAGE)],
    name_en: [localize(name, SECOND_LANGUAGE)],
    directory: [directoryChoiceOf(client)],
    directory_scan: toFlag(ldap?.scan === true),
  };
}

/** Returns the values of a sent form: without empty ones, and lines without the spaces around them. */
export function cleanValues(sent: Readonly<Record<string, readonly string[] | undefined>>): ClientValues {
  const cleaned = CLIENT_FIELDS.map((field) => {
    const values = sent[field] ?? [];
    const parts = kindOf(field) === 'lines' ? values.flatMap((value) => value.split(/\r?\n/)) : values;
    return [field, parts.map((value) => value.trim()).filter((value) => value !== '')] as const;
  });
  return { ...NEW_CLIENT, ...Object.fromEntries(cleaned) };
}

function hasDirectory({ directory: [choice] }: ClientValues): boolean {
  return choice !== undefined && choice !== 'no';
}

/** Returns true if the form registers a client without sign-in. */
export function isForDirectoryOnly({ directory: [choice] }: ClientValues): boolean {
  return choice === 'only';
}

/** Returns the fields of the clients file for the form. Fields without a value are absent, so that their defaults apply. */
export function toRegistrationForm(values: ClientValues): Record<string, unknown> {
  const form: Record<string, unknown> = {
    client_name: { [DEFAULT_LANGUAGE]: values.name_zh[0] ?? '', [SECOND_LANGUAGE]: values.name_en[0] ?? '' },
  };
  if (hasDirectory(values)) form['ldap'] = { scan: values.directory_scan.length > 0 };
  for (const field of isForDirectoryOnly(values) ? DIRECTORY_ONLY_FIELDS : CLIENT_FIELDS) {
    if (!isPlain(field)) continue;
    // An app without any role would be useless: no selection means all.
    if (field === 'acting_roles' && values[field].length === 0) continue;
    const value = registeredValue(field, values[field]);
    if (value !== undefined) form[field] = value;
  }
  return form;
}

/** Returns the value of a field in the clients file; undefined if its default applies. */
function registeredValue(field: ClientField, values: readonly string[]): unknown {
  const kind = kindOf(field);
  if (kind === 'lines' || kind === 'set') return values;
  if (kind === 'flag') return values.length > 0 ? true : undefined;
  return values[0];
}
