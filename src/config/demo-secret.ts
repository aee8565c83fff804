import { createHash } from 'node:crypto';
import type { ClientRegistration } from './clients.ts';

/** The secret of the service account of the demo. It is public, so production refuses its hash. */
const DEMO_DIRECTORY_SECRET = 'directory-demo-secret';
export const DEMO_DIRECTORY_HASH = createHash('sha256').update(DEMO_DIRECTORY_SECRET).digest('hex');

/** Lists the places of a client that have the secret of the demo. */
export function demoSecretsOf(client: ClientRegistration): PropertyKey[][] {
  const places = [
    { path: ['client_secret_sha256'], hashes: client.client_secret_sha256 },
    { path: ['ldap', 'secret_sha256'], hashes: client.ldap?.secret_sha256 ?? [] },
  ];
  return places.flatMap(({ path, hashes }) =>
    hashes.flatMap((hash, at) => (hash === DEMO_DIRECTORY_HASH ? [[...path, at]] : [])),
  );
}
