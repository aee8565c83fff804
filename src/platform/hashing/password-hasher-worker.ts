import { existsSync, readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { hashSync, verifySync, type Options } from '@node-rs/argon2';
import { z } from 'zod';

export type HashingTask =
  | { kind: 'hash'; password: string; memoryKib: number; passes: number }
  | { kind: 'verify'; password: string; hash: string };

/** Linux: `1234/task/1240`, asked by a thread about itself (proc(5)). */
const WORKER_PRIORITY = '/proc/thread-self';

/**
 * Who renews a token must not wait behind those who sign in, so this thread takes what time the others leave. Only Linux gives each
 * thread a priority of its own; elsewhere all stay alike.
 */
function lowerPriority(): void {
  if (!existsSync(WORKER_PRIORITY)) return;
  const [thread] = /\d+$/.exec(readlinkSync(WORKER_PRIORITY)) ?? [];
  const { PRIORITY_BELOW_NORMAL: lower } = constants.priority;
  // Whoever was started lower still may not come up to it, and need not.
  if (thread !== undefined && getPriority(Number(thread)) < lower) setPriority(Number(thread), lower);
}
try {
  lowerPriority();
} catch {
  // A system that does not allow it (seccomp, another PID namespace): hashing goes on at the priority that it has.
}

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
