import type { KeyObject } from 'node:crypto';
import { FF1 } from '@noble/ciphers/ff1.js';

/** A permutation of the numbers below `NUMBERS`. */
export interface NumberPermutation {
  encrypt(number: number): number;
  decrypt(number: number): number;
}

const DIGITS = 9;
export const NUMBERS = 10 ** DIGITS;

/** Creates FF1 (NIST SP 800-38G) of decimal numbers with nine digits, without a tweak. */
export function createNumberPermutation(key: KeyObject): NumberPermutation {
  const ff1 = FF1(10, new Uint8Array(key.export()));
  return {
    encrypt: (number) => fromDigits(ff1.encrypt(toDigits(number))),
    decrypt: (number) => fromDigits(ff1.decrypt(toDigits(number))),
  };
}

function toDigits(number: number): number[] {
  if (!Number.isInteger(number) || number < 0 || number >= NUMBERS)
    throw new RangeError('number has more than nine digits');
  return Array.from(String(number).padStart(DIGITS, '0'), Number);
}

function fromDigits(digits: readonly number[]): number {
  return Number(digits.join(''));
}
