import { randomUUID } from 'node:crypto';

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** A key that proves possession (RFC 9449). */
export interface ProofKey {
  privateKey: CryptoKey;
  jwk: JWK;
  thumbprint: string;
}

export async function newProofKey(): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

interface ProofContent {
  method: string;
  url: string;
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

/** Signs a proof of possession. `claims` and `header` replace members; `undefined` omits one. */
export function signProof(
  { privateKey, jwk }: ProofKey,
  { method, url, claims = {}, header = {} }: ProofContent,
): Promise<string> {
  return new SignJWT({ htm: method, htu: url, jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(privateKey);
}
