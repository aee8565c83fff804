import { hashSync, verifySync, type Options } from '@node-rs/argon2';
import { z } from 'zod';

export type HashingTask =
  | { kind: 'hash'; password: string; memoryKib: number; passes: number }
  | { kind: 'verify'; password: string; hash: string };

/** Runs in a worker thread: argon2id keeps a core busy for a while and must not do so where tokens are signed. */
export default function run(task: HashingTask): string | boolean {
  if (task.kind === 'verify') return verify(task.hash, task.password);
  // Argon2id is the package's default algorithm; the hasher checks the prefix of what comes back.
  const options: Options = { memoryCost: task.memoryKib, timeCost: task.passes, parallelism: 1 };
  return hashSync(task.password, options);
}

/** The package's word for a hash that it can not decode. Its message is kept away: it might quote the hash one day. */
const invalid = z.object({ code: z.literal('InvalidArg') });

function verify(hash: string, password: string): boolean | 'unreadable' {
  try {
    return verifySync(hash, password);
  } catch (error) {
    if (invalid.safeParse(error).success) return 'unreadable';
    throw error;
  }
}
