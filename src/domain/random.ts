import { randomBytes, randomUUID } from 'node:crypto';

/** Where chance comes from; injected, so that tests can repeat it. */
export interface Random {
  bytes(count: number): Buffer;
  /** A random (version 4) UUID, the key of every row that has no natural one. */
  uuid(): string;
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count), uuid: () => randomUUID() };
