import { existsSync, readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { hashSync, verifySync, type Options } from '@node-rs/argon2';

export type HashingTask =
  | { kind: 'hash'; password: string; memoryKib: number; passes: number }
  | { kind: 'verify'; password: string; hash: string }
  | { kind: 'estimate'; password: string };

/** Linux: a link to the thread that reads it, for example `1234/task/1240` (proc(5)). */
const OWN_THREAD_LINK = '/proc/thread-self';

/**
 * Lowers the priority of this thread, so that hashing does not delay token requests on the main thread. Only Linux has priorities per
 * thread; on other systems the priority stays the same.
 */
function lowerPriority(): void {
  if (!existsSync(OWN_THREAD_LINK)) return;
  const [thread] = /\d+$/.exec(readlinkSync(OWN_THREAD_LINK)) ?? [];
  const { PRIORITY_BELOW_NORMAL: lower } = constants.priority;
  // A process without privileges cannot raise a lower priority.
  if (thread !== undefined && getPriority(Number(thread)) < lower) setPriority(Number(thread), lower);
}
try {
  lowerPriority();
} catch {
  // Not allowed by the system (seccomp, another PID namespace): hashing keeps its priority.
}

/** Runs a task in a worker thread, because it would block the main thread, which signs tokens. */
export default async function run(task: HashingTask): Promise<string | boolean> {
  if (task.kind === 'verify') return verify(task.hash, task.password);
  if (task.kind === 'estimate') return estimate(task.password);
  // Argon2id is the package's default algorithm; the hasher checks the prefix of the result.
  const options: Options = { memoryCost: task.memoryKib, timeCost: task.passes, parallelism: 1 };
  return hashSync(task.password, options);
}

/** True for the error of the package for a hash that it cannot decode. Without zod, which takes 8 MB per thread. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'InvalidArg';
}

function verify(hash: string, password: string): boolean | 'unreadable' {
  try {
    return verifySync(hash, password);
  } catch (error) {
    // Its message is dropped, because it could contain the hash.
    if (isUnreadable(error)) return 'unreadable';
    throw error;
  }
}

/** Loads the word lists at the first use: they take 23 MB per thread. */
async function estimate(password: string): Promise<boolean> {
  const { isEasilyGuessed } = await import('./password-strength.ts');
  return isEasilyGuessed(password);
}
