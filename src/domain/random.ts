import { randomBytes, randomUUID } from 'node:crypto';

/** The source of random values; injected, so that tests can repeat them. */
export interface Random {
  bytes(count: number): Buffer;
  /** Returns a random (version 4) UUID, the key of every row without a natural key. */
  uuid(): string;
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count), uuid: () => randomUUID() };
