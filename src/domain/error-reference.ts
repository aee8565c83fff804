import { createHash } from 'node:crypto';

/** Digits and letters that neither look nor sound alike. 17⁶ are 24 million references. */
const ALPHABET = '23456789AFHKMRWXY';
const LENGTH = 6;
/** Bytes of the hash that a reference is computed from: the most that `readUIntBE` reads. */
const HASH_BYTES = 6;

/** Returns the reference of a failed request that people read out on the phone. The log line of the request has it too. */
export function errorReference(requestId: string): string {
  let rest = createHash('sha256').update(requestId).digest().readUIntBE(0, HASH_BYTES);
  let reference = '';
  while (reference.length < LENGTH) {
    reference += ALPHABET.charAt(rest % ALPHABET.length);
    rest = Math.floor(rest / ALPHABET.length);
  }
  return reference;
}
