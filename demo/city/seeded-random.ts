import { createHash } from 'node:crypto';

/** The seed of `npm run demo`. Another seed gives other generated people; the named people stay. */
export const DEFAULT_SEED = 'kinpass-demo';

/** Returns a UUID in version 4 format that depends only on the seed and the label. */
export function seededUuid(seed: string, label: string): string {
  const bytes = createHash('sha256').update(`${seed}\n${label}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A deterministic random generator. It must not be used for secrets. */
export interface SeededRandom {
  /** Returns a whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  /** Returns true with this probability, 0 to 1. */
  chance(probability: number): boolean;
  /** @throws {RangeError} when there is nothing to pick */
  pick<T>(items: readonly T[]): T;
}

/** Mulberry32, seeded by a hash. The same seed gives the same numbers on every machine. */
export function createSeededRandom(seed: string): SeededRandom {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    between,
    chance: (probability) => next() < probability,
    pick: <T>(items: readonly T[]): T => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
  };
}
