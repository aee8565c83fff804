import { createCipheriv, type KeyObject } from 'node:crypto';

/** A permutation of the numbers below `NUMBERS`. */
export interface NumberPermutation {
  /** Encrypts each number. Many at once cost little more than one. */
  encrypt(numbers: readonly number[]): number[];
  decrypt(number: number): number;
}

const DIGITS = 9;
export const NUMBERS = 10 ** DIGITS;
const ROUNDS = 10;
const BLOCK_BYTES = 16;
/** Radix to the power of the digits of each half: `u` is 4 and `v` is 5. */
const [LEFT_MODULUS, RIGHT_MODULUS] = [10 ** 4, 10 ** 5];
/** `P` (SP 800-38G, algorithm 7, step 5): version, method, addition, radix, rounds, `u`, nine digits, and no tweak. */
const P = Buffer.from([1, 2, 1, 0, 0, 10, ROUNDS, 4, 0, 0, 0, DIGITS, 0, 0, 0, 0]);

/**
 * Creates FF1 (NIST SP 800-38G) of decimal numbers with nine digits, without a tweak. For this size `P` and `Q` are one block each, so a round
 * is AES of one block, and the blocks of many numbers are one call of OpenSSL.
 *
 * @param key of AES-256
 */
export function createNumberPermutation(key: KeyObject): NumberPermutation {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const encryptedP = cipher.update(P);
  /** Returns `y` of each half in a round (step 6, i to iv), below `modulus`. */
  const computeRound = (halves: readonly number[], round: number, modulus: number): number[] => {
    const blocks = Buffer.allocUnsafe(halves.length * BLOCK_BYTES);
    for (const [at, half] of halves.entries()) {
      const start = at * BLOCK_BYTES;
      encryptedP.copy(blocks, start);
      // The last four bytes of `Q`: the round, and the half in three bytes. The others are 0.
      blocks.writeUInt32BE((encryptedP.readUInt32BE(12) ^ ((round << 24) | half)) >>> 0, start + 12);
    }
    const encrypted = cipher.update(blocks);
    return halves.map((_, at) => remainder(encrypted, at * BLOCK_BYTES, modulus));
  };
  return {
    encrypt: (numbers) => {
      numbers.forEach(assertNumber);
      let a = numbers.map((number) => Math.floor(number / RIGHT_MODULUS));
      let b = numbers.map((number) => number % RIGHT_MODULUS);
      for (let round = 0; round < ROUNDS; round += 1) {
        const modulus = round % 2 === 0 ? LEFT_MODULUS : RIGHT_MODULUS;
        const y = computeRound(b, round, modulus);
        const c = a.map((half, at) => (half + (y[at] ?? 0)) % modulus);
        [a, b] = [b, c];
      }
      return a.map((half, at) => half * RIGHT_MODULUS + (b[at] ?? 0));
    },
    decrypt: (number) => {
      assertNumber(number);
      let [a, b] = [Math.floor(number / RIGHT_MODULUS), number % RIGHT_MODULUS];
      for (let round = ROUNDS - 1; round >= 0; round -= 1) {
        const modulus = round % 2 === 0 ? LEFT_MODULUS : RIGHT_MODULUS;
        const [y = 0] = computeRound([a], round, modulus);
        [a, b] = [(b - y + modulus) % modulus, a];
      }
      return a * RIGHT_MODULUS + b;
    },
  };
}

/** Returns the first eight bytes of a block as a number modulo `modulus`, which is at most 10⁵, so that no step exceeds 2⁵³. */
function remainder(bytes: Buffer, at: number, modulus: number): number {
  return ((bytes.readUInt32BE(at) % modulus) * (2 ** 32 % modulus) + bytes.readUInt32BE(at + 4)) % modulus;
}

function assertNumber(number: number): void {
  if (!Number.isInteger(number) || number < 0 || number >= NUMBERS)
    throw new RangeError('number has more than nine digits');
}
