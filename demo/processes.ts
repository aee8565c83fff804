import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoError, PROJECT, type DemoSettings } from './settings.ts';

/** Limits for the start and stop of a process, and the interval of readiness checks, in milliseconds. */
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 100;
/** Characters of standard error that are shown when a process exits. */
const MAX_ERROR_CHARACTERS = 2_000;

const EXIT_WITH_PARENT = new URL('exit-with-parent.ts', import.meta.url).href;

export interface ProcessSpec {
  name: string;
  /** The script and its arguments. */
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Responds with a 2xx status when the process is ready. */
  readyUrl: string;
  logFile: string;
}

export interface ManagedProcess {
  /** Waits until the process is ready. @throws {DemoError} after 30 seconds */
  ready(signal: AbortSignal): Promise<void>;
  /** Resolves with the reason when the process has exited. */
  ended: Promise<string>;
  /** Sends SIGTERM, and SIGKILL after five seconds. */
  stop(): Promise<void>;
}

/** Starts a child process that writes its output to its log file. */
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
  let errorText = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    appendFileSync(logFile, text);
    errorText = (errorText + text).slice(-MAX_ERROR_CHARACTERS);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`failed to start ${name}: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      const reason = signal ?? `code ${String(code)}`;
      resolve(`${name} exited (${reason})${errorText === '' ? '' : `:\n${errorText.trimEnd()}`}`);
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
  throw new DemoError(`${name} does not respond at ${url}`);
}

/** @throws {DemoError} with one line that lists all ports in use */
export async function assertPortsFree({ ports }: DemoSettings): Promise<void> {
  const taken: string[] = [];
  for (const [place, port] of Object.entries(ports)) {
    if (!(await isFree(port))) taken.push(`${port} (${place})`);
  }
  if (taken.length === 0) return;
  throw new DemoError(
    `ports already in use: ${taken.join(', ')}; stop the other demo, or use other ports: KINPASS_DEMO_PORT=4000 npm run demo`,
  );
}

/** Checks both addresses of "localhost": browsers try ::1 first, where another program could listen. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      // Without IPv6 the error has another code.
      resolve(!('code' in error) || error.code !== 'EADDRINUSE');
    });
    server.listen(port, host, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
