import type { Random } from '../random.ts';

/** Codes of one person; each replaces a lost second factor once. */
export const RECOVERY_CODE_COUNT = 10;

/** 120 random bits, more than the 112 of NIST SP 800-63B-4, section 3.1.2.2. A plain hash protects them in the database. */
const CODE_BYTES = 15;

/** Crockford's base32: no letters that look like digits, and no U, so that few codes spell a word. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS_PER_CHARACTER = 5;

/** Creates codes as the person sees them: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`. */
export function createRecoveryCodes(random: Pick<Random, 'bytes'>): string[] {
  return Array.from({ length: RECOVERY_CODE_COUNT }, () => formatCode(random.bytes(CODE_BYTES)));
}

/** Formats random bytes in groups of four characters. Bits that do not fill a character are left out. */
export function formatCode(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const characters = (bits.match(/.{5}/g) ?? []).map((group) => ALPHABET.charAt(Number.parseInt(group, 2)));
  return (characters.join('').match(/.{4}/g) ?? []).join('-');
}

/** Normalizes a typed code: capital letters, no separators, and digits for the letters that look like them. */
export function normalizeRecoveryCode(typed: string): string {
  return typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
}

/** Returns true if the normalized text has the length of a code. */
export function isRecoveryCode(normalized: string): boolean {
  return normalized.length === (CODE_BYTES * 8) / BITS_PER_CHARACTER;
}
