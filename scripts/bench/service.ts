import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { and, count, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { loadDemoCity } from '../../demo/city/load.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { upsertPassword } from '../../src/store/auth/credentials.ts';
import { openStore, type Transaction } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { pollUntil } from '../../test/helpers/poll.ts';
import { call } from './load-driver.ts';

export const SECRET = 'bench-secret';
export const CLIENT = 'bench';
export const REDIRECT = 'https://bench.example/callback';

/** Current memory of a process in megabytes, and its CPU time. */
export interface Usage {
  megabytes: number;
  cpuSeconds: number;
}

export interface BenchService {
  issuer: string;
  /** The URL of this node. Differs from the issuer for the second node. */
  address: string;
  /** Milliseconds from the start of the process to the first 200 of /health/ready. */
  readyMs: number;
  usage(): Usage;
  stop(): Promise<void>;
}

export interface City {
  folder: string;
  rowsPerSecond: number;
  /** Parents of one child without another role, so sign-in asks for no choice. They have the demo password. */
  logins: readonly string[];
}

/** Creates a folder with a master key and a client, and a city in SQLite or in the PostgreSQL database `url`. */
export async function makeCity(people: number, url?: string): Promise<City> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-bench-'));
  const key = randomBytes(32);
  writeFileSync(join(folder, 'key'), key.toString('base64'));
  const secretHash = createHash('sha256').update(SECRET).digest('hex');
  const client = {
    client_id: CLIENT,
    client_name: 'bench',
    client_secret_sha256: [secretHash],
    redirect_uris: [REDIRECT],
    scopes: ['openid', 'profile', 'email', 'roles', 'children', 'children.profile', 'offline_access'],
    permissions: ['fees:read'],
    first_party: true,
    ldap: { secret_sha256: [secretHash], scan: true },
    // As the baseline.
    id_token_signed_response_alg: 'ES256',
  };
  writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients: [client] }));
  const store = await openStore(url === undefined ? { file: join(folder, 'kinpass.sqlite') } : { url });
  const hasher = await createPasswordHasher({ memoryKib: 19_456, passes: 2, threads: 2, queueLimit: 10 });
  await migrate(store);
  const start = performance.now();
  const secrets = createSecrets(key, systemRandom);
  const { rows } = await loadDemoCity({ store, secrets, hasher, clock: systemClock, people });
  const rowsPerSecond = (rows / (performance.now() - start)) * 1000;
  const hash = await hasher.hash(DEMO_PASSWORD);
  const logins = await store.write((tx) => setPasswords(tx, hash));
  await hasher.close();
  await store.close();
  return { folder, rowsPerSecond, logins };
}

/** Number of accounts: as many as sign in at the same time, because concurrent sign-ins of one account are throttled. */
const MAX_ACCOUNTS = 600;

/** Sets the password of parents of one child. @returns their email addresses */
async function setPasswords(tx: Transaction, hash: string): Promise<string[]> {
  const { guardianships, identifiers, memberships } = tx.tables;
  const guardians = await tx.db
    .select({ id: guardianships.guardianId })
    .from(guardianships)
    .leftJoin(memberships, eq(memberships.personId, guardianships.guardianId))
    .where(and(eq(guardianships.state, 'active'), eq(guardianships.authority, 'statutory'), isNull(memberships.id)))
    .groupBy(guardianships.guardianId)
    .having(eq(count(), 1))
    .limit(MAX_ACCOUNTS);
  const logins: string[] = [];
  for (const { id } of guardians) {
    const [mail] = await tx.db
      .select({ value: identifiers.value })
      .from(identifiers)
      .where(and(eq(identifiers.personId, id), eq(identifiers.kind, 'email')));
    if (mail === undefined) continue;
    await upsertPassword(tx, id, hash, systemClock.now());
    logins.push(mail.value);
  }
  return logins;
}

/** Returns the arguments of `npm start`, so that the bench measures the production command. */
function startArguments(): string[] {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { start } = z.object({ scripts: z.object({ start: z.string() }) }).parse(JSON.parse(text)).scripts;
  const words = start.split(' ');
  return words
    .slice(words.indexOf('node') + 1)
    .map((word) => (word.endsWith('.js') ? new URL(`../../${word}`, import.meta.url).pathname : word));
}

/** Time for a start while other programs use the cores. */
const READY_TIMEOUT_MS = 180_000;

/** The PostgreSQL database, the issuer, and more settings. Default: SQLite and the own URL. */
export interface ServiceLocation {
  url?: string;
  issuer?: string;
  env?: Readonly<Record<string, string>>;
}

export async function startService(
  folder: string,
  port: number,
  { url, env = {}, ...where }: ServiceLocation = {},
): Promise<BenchService> {
  const address = `http://localhost:${port}`;
  const issuer = where.issuer ?? address;
  const begin = performance.now();
  const child = spawn(process.execPath, startArguments(), {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      KINPASS_PROFILE: 'development',
      KINPASS_ISSUER: issuer,
      KINPASS_PORT: String(port),
      KINPASS_HOST: 'localhost',
      KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
      KINPASS_DATABASE_FILE: join(folder, 'kinpass.sqlite'),
      KINPASS_CLIENTS_FILE: join(folder, 'clients.json'),
      KINPASS_SMTP_URL: 'smtp://127.0.0.1:9',
      KINPASS_MAIL_FROM: 'bench@city.example',
      KINPASS_LOG_LEVEL: 'error',
      ...(url === undefined ? {} : { DATABASE_URL: url }),
      ...env,
    },
  });
  const check = (): Promise<boolean> => isReady(`${address}/health/ready`, child);
  await pollUntil('the service is ready', check, READY_TIMEOUT_MS).catch(async (error: unknown) => {
    await stop(child);
    throw error;
  });
  const readyMs = performance.now() - begin;
  return { issuer, address, readyMs, usage: () => usageOf(child), stop: () => stop(child) };
}

const tokens = z.array(z.object({ refresh: z.string(), access: z.string() }));
export type BaselineTokens = z.infer<typeof tokens>;

export async function startBaseline(
  port: number,
  count: number,
): Promise<{ tokens: BaselineTokens; stop(): Promise<void> }> {
  const file = new URL('./baseline-provider.ts', import.meta.url).pathname;
  const child = fork(file, [String(port), String(count)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const message: unknown = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => {
      reject(new Error(`the baseline provider exited with ${code ?? 'a signal'}`));
    });
  });
  return { tokens: tokens.parse(message), stop: () => stop(child) };
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`the service exited with code ${child.exitCode} before it was ready`);
  const status = await call(url).then(
    ({ status: code }) => code,
    () => 0,
  );
  return status === 200;
}

/** Reads resident memory and CPU time from /proc (Linux). */
export function usageOf({ pid }: ChildProcess): Usage {
  const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1];
  return { megabytes: Number(rss) / 1024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
