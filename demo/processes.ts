import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoError, PROJECT, type DemoSettings } from './settings.ts';

/** Milliseconds that a program may take to answer, to end, and between two questions. */
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 100;
/** So much of what a program complained about is told when it dies. */
const MAX_ERROR_LINES = 2_000;

const EXIT_WITH_PARENT = new URL('exit-with-parent.ts', import.meta.url).href;

export interface ProcessSpec {
  name: string;
  /** The script and what follows it. */
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Answers with a good status when the program is ready. */
  readyUrl: string;
  logFile: string;
}

export interface ManagedProcess {
  /** @throws {DemoError} when it takes too long */
  ready(signal: AbortSignal): Promise<void>;
  /** Resolves when the program has ended, with the reason as one text. */
  ended: Promise<string>;
  /** Politely first, then not. */
  stop(): Promise<void>;
}

/** Starts a program of the project; what it says goes to its log file. */
export function startProcess({ name, args, env, readyUrl, logFile }: ProcessSpec): ManagedProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, ['--import', EXIT_WITH_PARENT, ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...env },
    stdio: ['pipe', log, 'pipe'],
  });
  closeSync(log);
  const ended = watch(child, name, logFile);
  return {
    ended,
    ready: (signal) => waitUntilReady(name, readyUrl, signal),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function watch(child: ChildProcess, name: string, logFile: string): Promise<string> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    appendFileSync(logFile, text);
    words = (words + text).slice(-MAX_ERROR_LINES);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`${name} cannot start: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      resolve(`${name} ended (${signal ?? `code ${String(code)}`})${words === '' ? '' : `:\n${words.trimEnd()}`}`);
    });
  });
}

async function waitUntilReady(name: string, url: string, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    const ok = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]) }).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new DemoError(`${name} does not answer at ${url}`);
}

/** @throws {DemoError} one line that names every port that something else holds already */
export async function assertPortsFree({ ports }: DemoSettings): Promise<void> {
  const taken: string[] = [];
  for (const [place, port] of Object.entries(ports)) {
    if (!(await isFree(port))) taken.push(`${port} (${place})`);
  }
  if (taken.length === 0) return;
  throw new DemoError(
    `Taken already: port ${taken.join(', ')}. Is another demo running? Other ports: KINPASS_DEMO_PORT=4000 npm run demo`,
  );
}

/** "localhost" is both addresses, and a browser tries ::1 first: something that listens there would be taken for ours. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      // A machine without IPv6 says something else.
      resolve(!('code' in error) || error.code !== 'EADDRINUSE');
    });
    server.listen(port, host, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
