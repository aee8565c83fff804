import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { chownSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import pg from 'pg';

import { freePort } from './ports.ts';

/*
 * A PostgreSQL cluster, created by initdb on a free port. It is deleted when the process ends, also by a
 * kill. PostgreSQL refuses to run as root, so root starts it as the user postgres.
 */

export interface Cluster {
  /** URL of the server, without the name of a database. */
  url: string;
  /** Creates an empty database. @returns its URL */
  createDatabase(): Promise<string>;
  /** Restarts in fast mode: rolls back open transactions and closes connections. Resolves when it accepts connections. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Settings without durability. Tests of crashes do not use them. */
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'];
const ALWAYS = ['max_connections=240', 'shared_buffers=32MB', 'unix_socket_directories='];

/** @throws {Error} with instructions if the PostgreSQL server is not installed */
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
  // When this process ends in any way, `read` on standard input fails, and the script stops the server.
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
  const url = `postgres://postgres@127.0.0.1:${String(port)}`;
  return {
    url,
    createDatabase: () => createDatabase(url),
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

/**
 * Creates a database on the server.
 *
 * @param template the database that is copied. Default: an empty database
 * @returns its URL
 */
export async function createDatabase(serverUrl: string, template = 'template1'): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(serverUrl, `create database ${name} template ${template}`);
  return `${serverUrl}/${name}`;
}

/** Ends the connections to the database and deletes it. */
export async function dropDatabase(databaseUrl: string): Promise<void> {
  const end = databaseUrl.lastIndexOf('/');
  await administer(databaseUrl.slice(0, end), `drop database if exists ${databaseUrl.slice(end + 1)} with (force)`);
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${serverUrl}/postgres` });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** Finds the server programs, which Debian keeps outside PATH in one folder per version. */
function serverFolder(): string {
  const home = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(home).sort((a, b) => Number(b) - Number(a));
    if (versions[0] !== undefined) return join(home, versions[0], 'bin');
  } catch {
    // Reported below.
  }
  throw new Error('PostgreSQL server is missing: run scripts/install-test-system.sh');
}

function userOfServer(): { prefix: string[]; ids?: { uid: number; gid: number } } {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres']).stdout.toString());
  return { prefix: ['runuser', '-u', 'postgres', '--'], ids: { uid: id('-u'), gid: id('-g') } };
}

interface ServerLog {
  /** Resolves at the next ready message of the server. @throws {Error} with the server log if the server exits instead */
  ready(): Promise<void>;
}

/** Reads the log continuously, so that it never fills the pipe. */
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
