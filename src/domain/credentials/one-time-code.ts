import { HOUR_MS } from '../duration.ts';
import type { Random } from '../random.ts';

/** Validity of a one-time code (docs/access-policy.md). */
export const ONE_TIME_CODE_MS = 24 * HOUR_MS;

/** Digits and capital letters without those that people confuse when they read a slip aloud: 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V. */
const ALPHABET = '34679ACDEFGHJKMNPQRTWXY';
const LENGTH = 10;
const GROUP = 5;

/** Creates a code of 45 bits. Five wrong attempts close it, so guessing succeeds with a chance of 1 in 8 trillion. */
export function createOneTimeCode(random: Random): string {
  const limit = 256 - (256 % ALPHABET.length);
  let code = '';
  while (code.length < LENGTH) {
    const [byte = 255] = random.bytes(1);
    if (byte < limit) code += ALPHABET.charAt(byte % ALPHABET.length);
  }
  return code;
}

/** Formats a code for a slip: `K7QXM 3M9FH`. A sign-in ignores the space. */
export function formatOneTimeCode(code: string): string {
  return `${code.slice(0, GROUP)} ${code.slice(GROUP)}`;
}
