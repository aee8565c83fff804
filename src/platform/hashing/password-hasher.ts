import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Piscina } from 'piscina';
import { z } from 'zod';
import { HashQueueFullError, UnsupportedHashError } from '../errors.ts';
import type { HashingTask } from './password-hasher-worker.ts';

export interface HashingSettings {
  memoryKib: number;
  passes: number;
  /** Concurrent hashes, 11 MB each. More than the number of cores only slows each one down. */
  threads: number;
  /** Hashes that may wait. The next one is rejected. */
  queueLimit: number;
}

/** Hashes passwords with argon2id and estimates their strength, in worker threads with a bounded queue. */
export interface PasswordHasher {
  /** @throws {HashQueueFullError} when the queue is full */
  hash(password: string): Promise<string>;
  /**
   * @throws {HashQueueFullError} when the queue is full
   * @throws {UnsupportedHashError} when the service does not verify hashes of this format or cost
   */
  verify(hash: string, password: string): Promise<boolean>;
  /**
   * Takes as long as a verification of `like`, so that unknown and known accounts take the same time. Returns false.
   *
   * @param like a stored hash with the parameters to use; the current parameters if absent or unreadable
   * @throws {HashQueueFullError} when the queue is full
   */
  verifyDecoy(password: string, like?: string): Promise<boolean>;
  /**
   * Returns true if a new password is on a list of leaked passwords, or is a small change of one.
   *
   * @param password in NFKC and lower case
   * @throws {HashQueueFullError} when the queue is full
   */
  isEasilyGuessed(password: string): Promise<boolean>;
  /** Returns true if a hash does not have the current parameters. */
  needsRehash(hash: string): boolean;
  /** Returns the number of hashes that wait for a thread. */
  queueLength(): number;
  /** Returns true if the queue is half full. The other half is reserved for sign-ins in progress. */
  isNearCapacity(): boolean;
  close(): Promise<void>;
}

/** In KiB, passes and lanes. A stored hash with terabytes of memory would crash the process. */
const MAX_PARAMETERS = { memory: 1_048_576, passes: 64, lanes: 16 };
const ENCODED_HASH = /^\$argon2(?:id|i|d)\$v=\d+\$m=(\d+),t=(\d+),p=(\d+)\$/;

/** Returns the part of a hash before its salt; undefined when the hash has another format or exceeds the limits. */
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

/** Lets the threads use the compile cache of the process: without it, each thread loads Node's TypeScript parser, 11 MB. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir();
  return folder === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(folder) };
}

export async function createPasswordHasher(settings: HashingSettings): Promise<PasswordHasher> {
  const pool = new Piscina({
    filename: new URL('./password-hasher-worker.ts', import.meta.url).href,
    minThreads: settings.threads,
    maxThreads: settings.threads,
    // Keeps the next task at the thread; otherwise the thread would sleep until the main thread wakes it.
    concurrentTasksPerWorker: 2,
    idleTimeout: Infinity,
    env: workerEnvironment(),
  });
  let pending = 0;
  const queueLength = (): number => Math.max(0, pending - settings.threads);
  const run = async (task: HashingTask): Promise<unknown> => {
    if (queueLength() >= settings.queueLimit) throw new HashQueueFullError('password hash queue is full');
    pending += 1;
    try {
      const result: unknown = await pool.run(task);
      return result;
    } finally {
      pending -= 1;
    }
  };
  const { memoryKib, passes } = settings;
  const hash = async (password: string): Promise<string> =>
    z.string().parse(await run({ kind: 'hash', password, memoryKib, passes }));
  const verify = async (stored: string, password: string): Promise<boolean> => {
    if (boundedParameters(stored, memoryKib) === undefined) {
      throw new UnsupportedHashError('not an argon2 hash, or its cost exceeds the limits');
    }
    const matches = verdict.parse(await run({ kind: 'verify', hash: stored, password }));
    if (matches === 'unreadable') throw new UnsupportedHashError('argon2 cannot decode the hash');
    return matches;
  };
  const decoy = await hash('no account has this password');
  const current = `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$`;
  if (!decoy.startsWith(current)) throw new Error('the argon2 package did not use the configured parameters');
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
    isEasilyGuessed: async (password) => z.boolean().parse(await run({ kind: 'estimate', password })),
    needsRehash: (stored) => !stored.startsWith(current),
    queueLength,
    isNearCapacity: () => queueLength() >= settings.queueLimit / 2,
    close: () => pool.close({ force: true }),
  };
}
