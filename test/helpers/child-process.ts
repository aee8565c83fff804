import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import { loadDemoCity } from '../../demo/city/load.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { openStore, type StoreOptions } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { pollUntil } from './poll.ts';
import { freePort } from './ports.ts';

export const KINPASS_BIN = join(import.meta.dirname, '../../bin/kinpass.js');

const EXIT_WITH_PARENT = new URL('../../demo/exit-with-parent.ts', import.meta.url).href;
/** Several processes may start at once while other tests run. */
const START_TIMEOUT_MS = 60_000;

/** A folder with everything that `kinpass start` needs: database with the demo city, master key, clients. */
export interface Installation {
  folder: string;
  issuer: string;
  databaseFile: string;
  keyFile: string;
  env: Record<string, string>;
  remove(): void;
}

export interface HomeOptions {
  smtpUrl?: string;
  city?: boolean;
  /** Number of people in the demo city. Default: the named people. */
  people?: number;
  /** A PostgreSQL database. Default: a SQLite file in the folder. */
  databaseUrl?: string;
  /** Registered relying parties, as in KINPASS_CLIENTS_FILE. */
  clients?: readonly object[];
  /** Registered APIs, as in KINPASS_CLIENTS_FILE. */
  resourceServers?: readonly object[];
}

export async function createInstallation(more: HomeOptions = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-home-'));
  const [databaseFile, keyFile, clientsFile] = ['kinpass.sqlite', 'key', 'clients.json'].map((name) =>
    join(folder, name),
  );
  if (databaseFile === undefined || keyFile === undefined || clientsFile === undefined) throw new Error('no folder');
  writeFileSync(keyFile, randomBytes(32).toString('base64'));
  writeFileSync(
    clientsFile,
    JSON.stringify({ clients: more.clients ?? [], resource_servers: more.resourceServers ?? [] }),
  );
  if (more.city !== false) {
    await loadCity({ file: databaseFile, url: more.databaseUrl }, keyFile, more.people ?? 0);
  }
  const port = await freePort();
  const issuer = `http://localhost:${String(port)}`;
  return {
    folder,
    issuer,
    databaseFile,
    keyFile,
    env: {
      KINPASS_PROFILE: 'development',
      KINPASS_ISSUER: issuer,
      KINPASS_HOST: 'localhost',
      KINPASS_PORT: String(port),
      KINPASS_MASTER_KEY_FILE: keyFile,
      KINPASS_DATABASE_FILE: databaseFile,
      KINPASS_CLIENTS_FILE: clientsFile,
      KINPASS_SMTP_URL: more.smtpUrl ?? 'smtp://127.0.0.1:9',
      KINPASS_MAIL_FROM: 'no-reply@kinpass.example',
      KINPASS_HASH_MEMORY_KIB: '7168',
      KINPASS_HASH_PASSES: '1',
      // Tests of other limits fail on purpose; human-check.test.ts sets the default.
      KINPASS_HUMAN_CHECK_FAILURES: '1000000',
      ...(more.databaseUrl === undefined ? {} : { DATABASE_URL: more.databaseUrl }),
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function loadCity(location: StoreOptions, keyFile: string, people: number): Promise<void> {
  const store = await openStore(location);
  await migrate(store);
  const secrets = createSecrets(Buffer.from(readFileSync(keyFile, 'utf8'), 'base64'), systemRandom);
  const hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 1, queueLimit: 10 });
  await loadDemoCity({ store, secrets, hasher, clock: systemClock, people });
  await hasher.close();
  await store.close();
}

export interface Program {
  child: ChildProcess;
  out(): string;
  err(): string;
  /** Resolves with the exit code, or the name of the signal that ended the process. */
  ended: Promise<number | NodeJS.Signals>;
}

const running = new Set<ChildProcess>();

// Children of a failed test would keep the test process alive. Scripts import this file too: there a hook would start the test
// runner, which prints an empty summary.
if (process.argv[1]?.endsWith('.test.ts') === true) {
  after(() => {
    for (const child of running) child.kill('SIGKILL');
  });
}

/** Runs `kinpass` with these arguments, as an operator does. */
export function runProgram(args: readonly string[], env: Record<string, string>, node = process.execPath): Program {
  return runFile([KINPASS_BIN, ...args], env, node);
}

function runFile(args: readonly string[], env: Record<string, string>, node: string): Program {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(node, args, { env: { PATH, NODE_COMPILE_CACHE, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const ended = once(child, 'close').then(() => {
    running.delete(child);
    return child.exitCode ?? child.signalCode ?? -1;
  });
  return { child, ended, out: () => texts.out, err: () => texts.err };
}

/**
 * Runs `kinpass start` and waits until it is ready.
 *
 * @param start another file to run, with its arguments
 * @throws {Error} with the output of a process that exits before it is ready
 */
export async function startProgram(
  env: Record<string, string>,
  start: readonly string[] = [KINPASS_BIN, 'start'],
): Promise<Program> {
  // The process exits with this one, so that a killed test leaves no process behind.
  const program = runFile(['--import', EXIT_WITH_PARENT, ...start], env, process.execPath);
  const isReady = (): boolean => {
    if (program.child.exitCode !== null || program.child.signalCode !== null) throw new Error(program.err());
    return program.out().includes('"msg":"ready"');
  };
  await pollUntil('the program is ready', isReady, START_TIMEOUT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${program.out()}${program.err()}`);
  });
  return program;
}
