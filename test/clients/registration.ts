import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

const FOLDER = join(import.meta.dirname, '../../docs/clients');
const registration = z.looseObject({ client_id: z.string() });

export interface KnownClient {
  id: string;
  secret: string;
  /** Replaces `https://app.example`. */
  baseUrl: string;
}

/**
 * Returns the registration of docs/clients, with the address, the id and the secret of a test. The loopback address needs a
 * sector, which the host of a real app determines.
 */
export function readRegistration({ id, secret, baseUrl }: KnownClient): object {
  const text = readFileSync(join(FOLDER, `${id}.json`), 'utf8').replaceAll('"https://app.example', `"${baseUrl}`);
  const shown = registration.parse(JSON.parse(text));
  return {
    ...shown,
    client_id: id,
    ...('client_secret_sha256' in shown
      ? { client_secret_sha256: [createHash('sha256').update(secret).digest('hex')] }
      : {}),
    sector_identifier_uri: `https://${id}.example/redirect-uris.json`,
  };
}
