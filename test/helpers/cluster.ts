import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { chownSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import pg from 'pg';

import { freePort } from './ports.ts';

/*
 * A PostgreSQL cluster that lives as long as this test process: made by initdb on a free port, gone with its folder
 * afterwards, also when the process is killed. The server refuses to run as root, so root hands it to the user postgres.
 */

export interface Cluster {
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>;
  /** Restarts in fast mode: rolls back open transactions and closes connections. Resolves when it accepts connections. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Where the power cord matters, nothing is switched off; elsewhere the disk is left out of it. */
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'];
const ALWAYS = ['max_connections=120', 'shared_buffers=32MB', 'unix_socket_directories='];

/** @throws when PostgreSQL's server is not installed, saying what to do */
export async function startCluster(options: { durable?: boolean } = {}): Promise<Cluster> {
  const bin = serverFolder();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-postgres-'));
  const asServer = userOfServer();
  if (asServer.ids) chownSync(folder, asServer.ids.uid, asServer.ids.gid);
  const settings = [
    `port=${String(port)}`,
    'listen_addresses=127.0.0.1',
    ...ALWAYS,
    ...(options.durable === true ? [] : FAST),
  ];
  // Standard input is the life line: when this process ends, however it ends, `read` fails, and the server ends with it.
  const script = `
    "${bin}/initdb" -D "${folder}/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"${folder}/initdb.log" 2>&1 || { cat "${folder}/initdb.log" >&2; exit 1; }
    serve() { "${bin}/postgres" -D "${folder}/data" ${settings.map((setting) => `-c "${setting}"`).join(' ')} & }
    serve
    while read -r order; do kill -INT $!; wait $!; serve; done
    kill -QUIT $!
    wait $!
    rm -rf "${folder}/data" "${folder}/initdb.log"
    rmdir "${folder}" 2>/dev/null || true`;
  const [command, ...args] = [...asServer.prefix, 'sh', '-c', script];
  const child = spawn(command, args, { cwd: '/', stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) =>
    child.on('exit', () => {
      resolve();
    }),
  );
  const log = watch(child.stderr);
  await log.ready();
  const urlOf = (name: string): string => `postgres://postgres@127.0.0.1:${String(port)}/${name}`;
  let databases = 0;
  return {
    createDatabase: async () => {
      const name = `test_${String(++databases)}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return urlOf(name);
    },
    restart: async () => {
      const back = log.ready();
      child.stdin.write('restart\n');
      await back;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Debian keeps the server's programs outside of PATH, in one folder per version. */
function serverFolder(): string {
  const home = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(home).sort((a, b) => Number(b) - Number(a));
    if (versions[0] !== undefined) return join(home, versions[0], 'bin');
  } catch {
    // Told below.
  }
  throw new Error('PostgreSQL server is missing: run scripts/install-test-system.sh');
}

function userOfServer(): { prefix: string[]; ids?: { uid: number; gid: number } } {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres']).stdout.toString());
  return { prefix: ['runuser', '-u', 'postgres', '--'], ids: { uid: id('-u'), gid: id('-g') } };
}

interface ServerLog {
  /** Resolves when the server says the next time that it is ready. @throws with its log when it ends instead */
  ready(): Promise<void>;
}

/** Reads on after the server is ready, so that its log never fills the pipe. */
function watch(log: NodeJS.ReadableStream): ServerLog {
  const events = new EventEmitter();
  const lines: string[] = [];
  const reader = createInterface({ input: log });
  reader.on('line', (line) => {
    if (lines.push(line) > 50) lines.shift();
    if (line.includes('ready to accept connections')) events.emit('ready');
  });
  reader.on('close', () => events.emit('end'));
  return {
    ready: () =>
      new Promise((resolve, reject) => {
        events.once('ready', resolve);
        events.once('end', () => {
          reject(new Error(`PostgreSQL did not start:\n${lines.join('\n')}`));
        });
      }),
  };
}
