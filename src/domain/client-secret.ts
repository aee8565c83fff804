import { createHash } from 'node:crypto';
import { DAY_MS } from './duration.ts';
import type { Random } from './random.ts';

/** Both secrets of a client are valid for this time after a rotation, in ms. */
export const SECRET_OVERLAP_MS = 7 * DAY_MS;

/** Creates a client secret of 256 bits, and the hash that is stored. */
export function createClientSecret(random: Random): { secret: string; hash: string } {
  const secret = random.bytes(32).toString('base64url');
  return { secret, hash: createHash('sha256').update(secret).digest('hex') };
}
