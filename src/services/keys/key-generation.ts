import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import type { Random } from '../../domain/random.ts';

export interface NewKey {
  /** RFC 7638 thumbprint for signing keys, a UUID for the others. */
  id: string;
  purpose: 'sign' | 'cookie' | 'pairwise';
  /** JOSE algorithm name; empty for keys without one. */
  alg: string;
  /** To be sealed: a private JWK, or 32 random bytes. */
  secret: string;
}

export const signingJwk = z.looseObject({
  kty: z.string(),
  kid: z.string(),
  alg: z.enum(['ES256', 'RS256']),
  use: z.literal('sig'),
});
export type SigningJwk = z.infer<typeof signingJwk>;

/** Generates a key. RSA keys have 2048 bits: 4096 bits cost fourteen times as much per signature (docs/decisions/0010-keys.md). */
export async function generateKey({ purpose, alg }: Pick<NewKey, 'purpose' | 'alg'>, random: Random): Promise<NewKey> {
  if (purpose !== 'sign') {
    return { id: random.uuid(), purpose, alg, secret: random.bytes(32).toString('base64url') };
  }
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { id: kid, purpose, alg, secret: JSON.stringify({ ...jwk, kid, alg, use: 'sig' }) };
}
