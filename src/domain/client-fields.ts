/** Fields of a relying party in the console, in the order of the form. The names are those of the clients file, except the two names and the two fields of `ldap`. */
export const CLIENT_FIELDS = [
  'client_id',
  'name_zh',
  'name_en',
  'client_uri',
  'directory',
  'directory_scan',
  'application_type',
  'token_endpoint_auth_method',
  'jwks_uri',
  'redirect_uris',
  'post_logout_redirect_uris',
  'allowed_origins',
  'backchannel_logout_uri',
  'initiate_login_uri',
  'sector_identifier_uri',
  'scopes',
  'school_types',
  'permissions',
  'acting_roles',
  'first_party',
  'school_accounts',
  'id_token_signed_response_alg',
  'require_pkce',
  'require_pushed_authorization_requests',
  'dpop_bound_access_tokens',
  'device_flow',
  'resources',
  'introspects',
] as const;
export type ClientField = (typeof CLIENT_FIELDS)[number];

/** Fields that only have a meaning for sign-in. A client that only uses the directory has none of them. */
const SIGN_IN_FIELDS: readonly ClientField[] = [
  'application_type',
  'token_endpoint_auth_method',
  'jwks_uri',
  'redirect_uris',
  'post_logout_redirect_uris',
  'allowed_origins',
  'backchannel_logout_uri',
  'initiate_login_uri',
  'first_party',
  'school_accounts',
  'id_token_signed_response_alg',
  'require_pkce',
  'require_pushed_authorization_requests',
  'dpop_bound_access_tokens',
  'device_flow',
  'resources',
  'introspects',
];
export const DIRECTORY_ONLY_FIELDS = CLIENT_FIELDS.filter((field) => !SIGN_IN_FIELDS.includes(field));

/** Access of a client to the directory in the console: none, next to sign-in, or without sign-in. */
export const DIRECTORY_CHOICES = ['no', 'also', 'only'] as const;
export type DirectoryChoice = (typeof DIRECTORY_CHOICES)[number];
