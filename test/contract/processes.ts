import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { StoreOptions } from '../../src/store/database/index.ts';
import type { Action } from './store-process.ts';

export interface Companion {
  process: ChildProcess;
  /** Lines that the process has written so far. */
  lines: string[];
  /** Sends an action without waiting for the response. */
  tell(action: Action, argument?: string): void;
  /** Sends an action. @returns the parsed JSON response */
  ask(action: Action, argument?: string): Promise<unknown>;
  /** Stops the process after it has closed its store. */
  end(): Promise<void>;
}

/** Starts a process and waits until it has opened the same database. */
export async function startCompanion(location: StoreOptions): Promise<Companion> {
  const program = join(import.meta.dirname, 'store-process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(location)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    lines.push(line);
    waiting.shift()?.(line);
  });
  const next = (): Promise<string> =>
    Promise.race([
      new Promise<string>((resolve) => waiting.push(resolve)),
      ended.then(() => {
        throw new Error('the other process ended');
      }),
    ]);
  const tell = (action: Action, argument = ''): void => {
    child.stdin.write(`${action} ${argument}\n`);
  };
  await next();
  return {
    process: child,
    lines,
    tell,
    ask: async (action, argument) => {
      tell(action, argument);
      const answer: unknown = JSON.parse(await next());
      return answer;
    },
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
