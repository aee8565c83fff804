import { z } from 'zod';
import { SCOPES } from '../domain/claims/scopes.ts';
import { sectorOfUri } from '../domain/claims/pairwise.ts';
import { PERMISSIONS, ROLES, SCHOOL_TYPES } from '../domain/model.ts';
import { directoryAccess, findDirectoryProblems, isDirectoryOnly } from './client-directory.ts';
import { localize, localizedText } from './localized-text.ts';
import { isLoopbackHost } from './loopback.ts';
import { publicKey } from './public-key.ts';
import { secretHash } from './secret-hash.ts';

const uri = z
  .url()
  .refine((value) => !value.includes('#'), { message: 'must not have a fragment' })
  .refine((value) => !hasUserInfo(value), { message: 'must not have a user name: it looks like the host' });

function hasUserInfo(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && (url.username !== '' || url.password !== '');
}

/** A page or an endpoint of an app. */
const webUri = uri.refine((value) => !URL.canParse(value) || isWebUrl(value), { message: 'must use https or http' });

/** Redirect URIs are compared exactly (RFC 9700, 2.1). Private-use schemes are reversed domains (RFC 8252, 7.1), so no `javascript:`. */
const redirectUri = uri
  .refine((value) => !value.includes('*'), { message: 'must not have a wildcard' })
  .refine((value) => !URL.canParse(value) || /^(?:https?|[a-z][a-z\d+-]*(?:\.[a-z\d+-]+)+):/i.test(value), {
    message: 'must use https, http or a reversed domain as its scheme',
  });

/** The form of an origin (RFC 6454, section 6.2). */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:[a-z\d.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/;
/** Schemes that are no origin of an app: browsers give them another meaning. */
const RESERVED_SCHEME = /^(?:about|blob|data|file|ftp|javascript|wss?):/;

/** An origin exactly as browsers send it. */
const origin = z.string().superRefine((value, context) => {
  const message = findOriginProblem(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function findOriginProblem(value: string): string | undefined {
  if (!ORIGIN.test(value)) {
    return 'must be an origin such as https://localhost or capacitor://localhost: no path, no wildcard, lower case';
  }
  if (RESERVED_SCHEME.test(value)) return 'must use https or the own scheme of an app';
  if (!isWebUrl(value)) return undefined;
  const url = URL.parse(value);
  if (url?.origin !== value) return 'must be an origin as browsers send it: a valid host, without the default port';
  const isSecure = url.protocol === 'https:' || isLoopbackHost(url.hostname);
  return isSecure ? undefined : 'must use https; http is for loopback addresses in development';
}

function isWebUrl(value: string): boolean {
  return /^https?:/i.test(value);
}

/** The ids of registered apps. Any other text names no client, and the databases need not be asked for it. */
export const CLIENT_ID = /^[a-z0-9][a-z0-9-]{1,62}$/;

/** JOSE names. The service has keys for each. */
export const ID_TOKEN_ALGORITHMS = ['RS256', 'ES256'] as const;

const fields = z.strictObject({
  client_id: z
    .string()
    .regex(CLIENT_ID, 'must be two to 63 characters: lower-case letters, digits and "-"')
    .refine((id) => !id.startsWith('kinpass-'), '"kinpass-" is reserved for the service itself'),
  client_name: localizedText.describe('name in the interface: one text, or one per language'),
  client_uri: webUri.optional().describe('start page of the app, and target of links back to it'),
  application_type: z.enum(['web', 'native']).default('web'),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .default('client_secret_basic'),
  client_secret_sha256: z
    .array(secretHash)
    .max(2)
    .default([])
    .describe('hashes of the secret; two entries during a change of the secret'),
  jwks_uri: webUri.optional().describe('public keys of a client with private_key_jwt'),
  jwks: z.object({ keys: z.array(publicKey).min(1) }).optional(),
  redirect_uris: z
    .array(redirectUri)
    .min(1, { abort: true })
    .default([])
    .describe('absent if the client only uses the directory'),
  post_logout_redirect_uris: z.array(redirectUri).default([]),
  allowed_origins: z
    .array(origin)
    .default([])
    .describe('origins of the pages of a hybrid native app, whose scripts call the API endpoints (CORS)'),
  initiate_login_uri: uri
    .optional()
    .describe('starts a sign-in from outside the app (OpenID Connect Core 1.0, section 4)'),
  backchannel_logout_uri: webUri.optional(),
  sector_identifier_uri: z
    .url({ protocol: /^https$/ })
    .optional()
    .describe('its host is the pairwise sector'),
  id_token_signed_response_alg: z.enum(ID_TOKEN_ALGORITHMS).default('RS256'),
  device_flow: z.boolean().default(false).describe('allows the device flow (RFC 8628)'),
  require_pkce: z
    .boolean()
    .optional()
    .describe('requires PKCE of a client that authenticates itself; public clients must always use it'),
  require_pushed_authorization_requests: z.boolean().default(false).describe('RFC 9126'),
  dpop_bound_access_tokens: z.boolean().default(false).describe('RFC 9449'),
  resources: z.array(uri).default([]).describe('APIs that the client may get access tokens for'),
  introspects: uri
    .optional()
    .describe('identifier of the API that this client operates; the client may introspect its tokens (RFC 7662)'),
  scopes: z.array(z.enum(SCOPES)).min(1),
  school_types: z.array(z.enum(SCHOOL_TYPES)).default([...SCHOOL_TYPES]),
  permissions: z.array(z.enum(PERMISSIONS)).default([]),
  acting_roles: z
    .array(z.enum(ROLES))
    .min(1)
    .default([...ROLES])
    .describe('roles in which people can use the app'),
  school_accounts: z
    .boolean()
    .default(false)
    .describe('accepts school accounts of families, `acr` `urn:kinpass:school-account`'),
  first_party: z.boolean().default(false).describe('app of the city itself: no consent page'),
  ldap: directoryAccess.optional().describe('service account in the LDAP directory, `cn=<client_id>,ou=services,…`'),
});
type Fields = z.infer<typeof fields>;

interface Rule {
  /** The field that the error names. */
  path: keyof Fields;
  message: string;
  isBroken: (client: Fields) => boolean;
}

/** Rules across the fields of a client. */
const RULES: readonly Rule[] = [
  {
    path: 'client_secret_sha256',
    message: 'is needed unless the client is public',
    isBroken: (client) => usesSecret(client) && client.client_secret_sha256.length === 0,
  },
  {
    path: 'jwks_uri',
    message: 'private_key_jwt needs either jwks_uri or jwks',
    isBroken: (client) => usesSignedAuth(client) && (client.jwks === undefined) === (client.jwks_uri === undefined),
  },
  {
    path: 'require_pkce',
    message: 'a public client must use PKCE (RFC 9700)',
    isBroken: (client) => isPublic(client) && client.require_pkce === false,
  },
  {
    path: 'allowed_origins',
    message: 'only for native public clients; a browser app gets the origins of its redirect_uris',
    isBroken: (client) =>
      client.allowed_origins.length > 0 && (client.application_type !== 'native' || !isPublic(client)),
  },
  {
    path: 'introspects',
    message: 'a public client cannot introspect tokens: anyone could do so in its name (RFC 7662, section 2.1)',
    isBroken: (client) => client.introspects !== undefined && isPublic(client),
  },
  {
    path: 'sector_identifier_uri',
    message: 'is needed when redirect_uris have several hosts, or a loopback host (localhost)',
    isBroken: (client) => client.sector_identifier_uri === undefined && needsSectorIdentifier(client.redirect_uris),
  },
  { path: 'scopes', message: 'must include "openid"', isBroken: ({ scopes }) => !scopes.includes('openid') },
  {
    path: 'scopes',
    message: '"children.profile" needs "children"',
    isBroken: ({ scopes }) => scopes.includes('children.profile') && !scopes.includes('children'),
  },
];

/** A registered relying party. Field names follow OpenID Connect Dynamic Client Registration 1.0 where it defines them. */
export const clientSchema = fields.superRefine((client, context) => {
  for (const problem of findRuleProblems(client)) context.addIssue({ code: 'custom', ...problem });
});

interface RuleProblem {
  path: PropertyKey[];
  message: string;
}

function findRuleProblems(client: Fields): RuleProblem[] {
  return [
    ...RULES.filter(({ isBroken }) => isBroken(client)).map(({ path, message }) => ({ path: [path], message })),
    ...findDirectoryProblems(client),
    ...(['redirect_uris', 'post_logout_redirect_uris'] as const).flatMap((field) =>
      client[field].flatMap((value, index) => {
        const message = findRedirectProblem(client.application_type, value);
        return message === undefined ? [] : [{ path: [field, index], message }];
      }),
    ),
  ];
}

/** The hosts of loopback redirect URIs (RFC 8252, 7.3). The provider accepts these only. */
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

function findRedirectProblem(type: Fields['application_type'], value: string): string | undefined {
  if (type === 'web')
    return isWebUrl(value) ? undefined : 'must use https; private-use schemes are for "native" clients';
  const { protocol, hostname } = new URL(value);
  const isLoopback = LOOPBACK_HOSTS.includes(hostname);
  if (protocol === 'http:' && !isLoopback)
    return 'must use https, a private-use scheme, or http with a loopback address';
  return protocol === 'https:' && isLoopback ? 'must use http, because it is a loopback address' : undefined;
}

type RegistrationCheck =
  | { registration: ClientRegistration; issues?: undefined }
  | { registration?: undefined; issues: readonly z.core.$ZodIssue[]; validPart: ClientRegistration | undefined };

/** The required fields of a valid registration, in place of invalid ones. */
const VALID_FIELDS = { client_id: 'valid', client_name: 'x', scopes: ['openid'] };
/** Valid fields in place of invalid ones, because rules depend on their presence. */
const VALID_IF_PRESENT = { redirect_uris: ['https://x/'], ldap: { secret_sha256: ['0'.repeat(64)] } };
export const FIELD_NAMES = Object.keys(fields.shape);

/**
 * Checks a registration completely: an invalid field does not hide a rule about others.
 *
 * @returns the registration, or all issues and what is valid of it
 */
export function checkRegistration(input: unknown): RegistrationCheck {
  const parsed = clientSchema.safeParse(input);
  if (parsed.success) return { registration: parsed.data };
  const issues = parsed.error.issues;
  const ofFields = fields.safeParse(input).error?.issues ?? [];
  const isObject = typeof input === 'object' && input !== null;
  const present = Object.entries(VALID_IF_PRESENT).filter(([name]) => isObject && Object.hasOwn(input, name));
  const valid = { ...VALID_FIELDS, ...Object.fromEntries(present), ...removeInvalid(input, ofFields) };
  const validPart = fields.safeParse(valid).data;
  if (validPart === undefined || ofFields.length === 0 || !isObject) return { issues, validPart };
  const invalid = new Set(ofFields.map(({ path }) => path[0]));
  // Other rules depend on these fields.
  const isComparable = !['token_endpoint_auth_method', 'application_type', 'jwks'].some((field) => invalid.has(field));
  const broken = isComparable ? findRuleProblems(validPart).filter(({ path: [field] }) => !invalid.has(field)) : [];
  return {
    issues: [...issues, ...broken.map((problem) => ({ code: 'custom' as const, input, ...problem }))],
    validPart,
  };
}

/** Returns the known fields without invalid ones, and lists without their invalid entries. */
function removeInvalid(input: unknown, issues: readonly z.core.$ZodIssue[]): Record<string, unknown> {
  if (typeof input !== 'object' || input === null) return {};
  const known = Object.entries(input).filter(([name]) => FIELD_NAMES.includes(name));
  return Object.fromEntries(
    known.flatMap(([name, value]: [string, unknown]): [string, unknown][] => {
      const ofField = issues.filter(({ path }) => path[0] === name);
      if (ofField.length === 0) return [[name, value]];
      if (!Array.isArray(value) || ofField.some(({ path }) => path.length === 1)) return [];
      const valid = value.filter((_, index) => !ofField.some(({ path }) => path[1] === index));
      return valid.length === 0 ? [] : [[name, valid]];
    }),
  );
}

export type ClientRegistration = z.infer<typeof clientSchema>;

/**
 * Returns the sector of a client: the host of `sector_identifier_uri`, else of the redirect URI (OpenID Connect Core 1.0, section 8.1). A client
 * that only uses the directory is a sector of its own. No host has a colon.
 */
export function sectorOf(
  client: Pick<ClientRegistration, 'client_id' | 'sector_identifier_uri' | 'redirect_uris'>,
): string {
  const uri = client.sector_identifier_uri ?? client.redirect_uris[0];
  return uri === undefined ? `directory:${client.client_id}` : sectorOfUri(uri);
}

/** Returns the name of a client in a language. */
export function clientName(client: Pick<ClientRegistration, 'client_name'>, lang: string): string {
  return localize(client.client_name, lang);
}

function isPublic(client: Pick<Fields, 'token_endpoint_auth_method'>): boolean {
  return client.token_endpoint_auth_method === 'none';
}

/**
 * Lists the origins whose scripts may call the API endpoints as this client: those of the redirect URIs of a browser app, and the
 * `allowed_origins` of a hybrid native app. A script cannot keep a secret, so other clients have none.
 */
export function listBrowserOrigins(
  client: Pick<
    ClientRegistration,
    'application_type' | 'token_endpoint_auth_method' | 'redirect_uris' | 'allowed_origins'
  >,
): string[] {
  if (!isPublic(client)) return [];
  if (client.application_type === 'native') return client.allowed_origins;
  return [...new Set(client.redirect_uris.filter(isWebUrl).map((value) => new URL(value).origin))];
}

function usesSignedAuth(client: Pick<Fields, 'token_endpoint_auth_method'>): boolean {
  return client.token_endpoint_auth_method === 'private_key_jwt';
}

/** Returns true if a client authenticates with a secret at the token endpoint. */
export function usesSecret(client: Pick<Fields, 'token_endpoint_auth_method' | 'ldap' | 'redirect_uris'>): boolean {
  return authenticatesWithSecret(client.token_endpoint_auth_method) && !isDirectoryOnly(client);
}

/** Returns true if a method of authentication at the token endpoint needs a secret. */
export function authenticatesWithSecret(method: Fields['token_endpoint_auth_method']): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}

/** Returns true if a client must use PKCE by its registration: if it is public (RFC 9700, 2.1.1) or registered so. */
export function requiresPkce(client: Pick<Fields, 'token_endpoint_auth_method' | 'require_pkce'>): boolean {
  return isPublic(client) || client.require_pkce === true;
}

/**
 * Returns true if the redirect URIs do not determine the sector of a client (OpenID Connect Core 1.0, section 8.1). Two vendors that
 * both redirect to `127.0.0.1` must not see the same `sub`.
 */
function needsSectorIdentifier(redirectUris: readonly string[]): boolean {
  const hosts = new Set(redirectUris.map((value) => URL.parse(value)?.hostname ?? ''));
  return hosts.size > 1 || [...hosts].some((host) => isLoopbackHost(host));
}
