import { Piscina } from 'piscina';
import { z } from 'zod';
import { HashQueueFullError, UnsupportedHashError } from '../errors.ts';
import type { HashingTask } from './password-hasher-worker.ts';

export interface HashingSettings {
  memoryKib: number;
  passes: number;
  /** Hashes at once; more than there are cores only makes each slower. */
  threads: number;
  /** Hashes that may wait; the next one is told that the service is busy. */
  queueLimit: number;
}

/** Password hashing with argon2id, bounded and off the main thread. */
export interface PasswordHasher {
  /** @throws {HashQueueFullError} when too many hashes wait already */
  hash(password: string): Promise<string>;
  /**
   * @throws {HashQueueFullError} when too many hashes wait already
   * @throws {UnsupportedHashError} when the stored hash is none that this service verifies
   */
  verify(hash: string, password: string): Promise<boolean>;
  /**
   * Costs as much as a verification of `like`, so that an unknown account takes the same time as a known one. Always false.
   *
   * @param like a stored hash, for its parameters; today's parameters where it is absent or cannot be read
   * @throws {HashQueueFullError} when too many hashes wait already
   */
  verifyDecoy(password: string, like?: string): Promise<boolean>;
  /** Whether a hash was made with other parameters than today's. */
  needsRehash(hash: string): boolean;
  /** Hashes that wait for a thread. */
  queueLength(): number;
  /** Whether half of the places to wait are taken: the other half is for those who have begun. */
  isNearCapacity(): boolean;
  close(): Promise<void>;
}

/** In KiB, in passes, in lanes. A row that asks for terabytes would not be refused by the system but end the process. */
const MAX_PARAMETERS = { memory: 1_048_576, passes: 64, lanes: 16 };
const ENCODED_HASH = /^\$argon2(?:id|i|d)\$v=\d+\$m=(\d+),t=(\d+),p=(\d+)\$/;

/** @returns the part of a hash before its salt; undefined when the hash is of another kind, or asks for more than the limits */
function boundedParameters(stored: string, memoryKib: number): string | undefined {
  const [parameters, ...numbers] = ENCODED_HASH.exec(stored) ?? [];
  const [memory, passes, lanes] = numbers.map(Number);
  if (memory === undefined || passes === undefined || lanes === undefined) return undefined;
  const isBounded =
    memory <= Math.max(MAX_PARAMETERS.memory, memoryKib) &&
    passes <= MAX_PARAMETERS.passes &&
    lanes <= MAX_PARAMETERS.lanes;
  return isBounded ? parameters : undefined;
}

const verdict = z.union([z.boolean(), z.literal('unreadable')]);

export async function createPasswordHasher(settings: HashingSettings): Promise<PasswordHasher> {
  const pool = new Piscina({
    filename: new URL('./password-hasher-worker.ts', import.meta.url).href,
    minThreads: settings.threads,
    maxThreads: settings.threads,
    // The next one lies ready when a hash is done; otherwise the thread sleeps until the main one finds time to wake it.
    concurrentTasksPerWorker: 2,
    idleTimeout: Infinity,
  });
  let begun = 0;
  const queueLength = (): number => Math.max(0, begun - settings.threads);
  const run = async (task: HashingTask): Promise<unknown> => {
    if (queueLength() >= settings.queueLimit) throw new HashQueueFullError('too many hashes wait');
    begun += 1;
    try {
      const result: unknown = await pool.run(task);
      return result;
    } finally {
      begun -= 1;
    }
  };
  const { memoryKib, passes } = settings;
  const hash = async (password: string): Promise<string> =>
    z.string().parse(await run({ kind: 'hash', password, memoryKib, passes }));
  const verify = async (stored: string, password: string): Promise<boolean> => {
    if (boundedParameters(stored, memoryKib) === undefined) {
      throw new UnsupportedHashError('not an argon2 hash, or one of unbearable cost');
    }
    const matches = verdict.parse(await run({ kind: 'verify', hash: stored, password }));
    if (matches === 'unreadable') throw new UnsupportedHashError('argon2 can not decode it');
    return matches;
  };
  const decoy = await hash('no account has this password');
  const current = `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$`;
  if (!decoy.startsWith(current)) throw new Error('the hashing package does not make argon2id as asked');
  return {
    hash,
    verify,
    verifyDecoy: async (password, like = decoy) => {
      const parameters = boundedParameters(like, memoryKib) ?? current;
      // The salt and the digest belong to other parameters, so no password matches.
      const hashLike = parameters + decoy.slice(current.length);
      await verify(hashLike, password).catch((error: unknown) => {
        if (!(error instanceof UnsupportedHashError)) throw error;
        return verify(decoy, password);
      });
      return false;
    },
    needsRehash: (stored) => !stored.startsWith(current),
    queueLength,
    isNearCapacity: () => queueLength() >= settings.queueLimit / 2,
    close: () => pool.close({ force: true }),
  };
}
