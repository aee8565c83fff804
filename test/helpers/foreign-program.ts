import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { pollUntil } from './poll.ts';

export interface ForeignProgram {
  child: ChildProcess;
  output: () => string;
  ended: Promise<unknown>;
  /** Polls until `find` returns something for the output. @throws {Error} with the output, also if the program ends first */
  waitFor<T>(what: string, find: (output: string) => T | Promise<T>): Promise<Exclude<T, false | undefined>>;
}

/** Programs of other projects start slowly while other tests run. */
const PROGRAM_TIMEOUT_MS = 90_000;

/** Starts a program of another project, with its output. */
export function startForeignProgram(
  [command = '', ...args]: readonly string[],
  cwd: string,
  env: Record<string, string>,
): ForeignProgram {
  const child = spawn(command, args, { cwd, env: { PATH: process.env['PATH'], HOME: cwd, ...env }, detached: true });
  let output = '';
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close')
    .catch((error: unknown) => (output += String(error)))
    .finally(() => (hasEnded = true));
  return {
    child,
    ended,
    output: () => output,
    waitFor: (what, find) =>
      pollUntil(
        what,
        async () => {
          const found = await find(output);
          if (hasEnded && (found === undefined || found === false)) throw new Error('the program has ended');
          return found;
        },
        PROGRAM_TIMEOUT_MS,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${output}`);
      }),
  };
}

/** Ends a program and its children. */
export function endProgram({ child: { pid, exitCode, signalCode } }: ForeignProgram): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid);
}
