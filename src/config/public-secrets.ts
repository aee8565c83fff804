import { createHash } from 'node:crypto';
import type { ClientRegistration } from './clients.ts';

/** The secret of the service account of the demo. It is public, so production refuses its hash. */
export const DEMO_DIRECTORY_SECRET = 'directory-demo-secret';
export const DEMO_DIRECTORY_HASH = createHash('sha256').update(DEMO_DIRECTORY_SECRET).digest('hex');

/** Of the secrets that production refuses. Examples of other documents often use `admin` and `secret`. */
const PUBLIC_HASHES: readonly string[] = [
  DEMO_DIRECTORY_HASH,
  ...['admin', 'secret'].map((secret) => createHash('sha256').update(secret).digest('hex')),
];

/** Lists the places of a client that have a secret that everyone knows. */
export function publicSecretsOf(client: ClientRegistration): PropertyKey[][] {
  const places = [
    { path: ['client_secret_sha256'], hashes: client.client_secret_sha256 },
    { path: ['ldap', 'secret_sha256'], hashes: client.ldap?.secret_sha256 ?? [] },
  ];
  return places.flatMap(({ path, hashes }) =>
    hashes.flatMap((hash, at) => (PUBLIC_HASHES.includes(hash) ? [[...path, at]] : [])),
  );
}
