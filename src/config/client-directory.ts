import { z } from 'zod';
import type { ClientRegistration } from './clients.ts';
import { secretHash } from './secret-hash.ts';

/** Access of a client to the LDAP directory as a service account. */
export const directoryAccess = z.strictObject({
  secret_sha256: z
    .array(secretHash)
    .min(1)
    .max(2)
    .describe('hashes of the secret of the service account; two entries during a change of the secret'),
  scan: z.boolean().default(false).describe('allows paged searches that no index serves, for example of all people'),
});

/** Returns true if people cannot sign in to a client: it only has a service account in the directory. */
export function isDirectoryOnly(client: Pick<ClientRegistration, 'ldap' | 'redirect_uris'>): boolean {
  return client.ldap !== undefined && client.redirect_uris.length === 0;
}

/** Fields that only have a meaning for sign-in. */
const SIGN_IN_FIELDS = [
  'client_secret_sha256',
  'jwks_uri',
  'jwks',
  'post_logout_redirect_uris',
  'allowed_origins',
  'initiate_login_uri',
  'backchannel_logout_uri',
  'device_flow',
  'require_pkce',
  'require_pushed_authorization_requests',
  'dpop_bound_access_tokens',
  'resources',
  'introspects',
] as const;

/** Finds what is wrong with a client without redirect URIs. */
export function findDirectoryProblems(
  client: Pick<ClientRegistration, 'ldap' | 'redirect_uris' | (typeof SIGN_IN_FIELDS)[number]>,
): { path: string[]; message: string }[] {
  if (client.redirect_uris.length > 0) return [];
  if (!isDirectoryOnly(client)) return [{ path: ['redirect_uris'], message: 'is missing' }];
  return SIGN_IN_FIELDS.filter((field) => hasValue(client[field])).map((field) => ({
    path: [field],
    message: 'is for sign-in; a client without redirect_uris only uses the directory',
  }));
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}
