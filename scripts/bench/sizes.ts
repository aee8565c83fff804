/**
 * Measures the numbers of docs/operators.md, "Size of a node": memory by hash threads, and what a sign-in and a refresh add to SQLite.
 *
 *   node scripts/bench/sizes.ts   about two minutes
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { freePort } from '../../test/helpers/ports.ts';
import { runRefreshes, signIn } from './flows.ts';
import { open, print, tokensFor } from './harness.ts';
import { makeCity, remove, startService, type BenchService, type City } from './service.ts';

const THREADS = [1, 2, 4, 8, 16];
const SIGN_INS = 500;
const REFRESH_SECONDS = 3;
/** Time in ms after which a started service no longer allocates. */
const SETTLE_MS = 1_500;

async function signInMany({ issuer }: BenchService, { logins }: City, count: number, workers: number): Promise<void> {
  let turn = 0;
  const work = async (): Promise<void> => {
    while (turn < count) await signIn(issuer, logins[turn++ % logins.length] ?? '');
  };
  await Promise.all(Array.from({ length: workers }, work));
}

async function measureMemory(city: City): Promise<void> {
  for (const threads of THREADS) {
    process.env['KINPASS_HASH_THREADS'] = String(threads);
    const service = await startService(city.folder, await freePort());
    await sleep(SETTLE_MS);
    const idle = service.usage().megabytes;
    await signInMany(service, city, threads * 40, threads * 2);
    const loaded = service.usage().megabytes;
    await service.stop();
    print(
      `memory with ${threads} hash threads`,
      'idle, after sign-ins',
      `${idle.toFixed(0)}, ${loaded.toFixed(0)} MB`,
      '',
    );
  }
  delete process.env['KINPASS_HASH_THREADS'];
}

/** Bytes of each table with its indexes, in whole pages. */
type Sizes = Map<string, number>;

const sizeRows = z.array(z.object({ name: z.string(), bytes: z.number() }));

function sizesOf(folder: string): Sizes {
  const database = new Database(join(folder, 'kinpass.sqlite'), { readonly: true });
  const text = `select m.tbl_name as name, sum(s.pgsize) as bytes from dbstat s join sqlite_schema m on m.name = s.name group by 1`;
  const rows = sizeRows.parse(database.prepare(text).all());
  database.close();
  return new Map(rows.map(({ name, bytes }) => [name, bytes]));
}

function printGrowth(work: string, before: Sizes, after: Sizes, count: number): void {
  const grown = [...after]
    .map(([name, bytes]) => ({ name, bytes: (bytes - (before.get(name) ?? 0)) / count }))
    .filter(({ bytes }) => bytes >= 1)
    .sort((a, b) => b.bytes - a.bytes);
  const total = grown.reduce((sum, { bytes }) => sum + bytes, 0);
  print(`bytes for each ${work}`, `of ${count}`, total.toFixed(0), '');
  for (const { name, bytes } of grown) print(`  ${name}`, '', bytes.toFixed(0), '');
}

async function measureGrowth(city: City): Promise<void> {
  const service = await open(city);
  await signInMany(service, city, city.logins.length, 4);
  const before = sizesOf(city.folder);
  await signInMany(service, city, SIGN_INS, 4);
  const between = sizesOf(city.folder);
  printGrowth('sign-in of a browser and an app', before, between, SIGN_INS);
  const tokens = await tokensFor(service, city.logins.length);
  const start = sizesOf(city.folder);
  const { rate } = await runRefreshes(
    service.issuer,
    tokens.map((one) => one.refresh_token),
    2,
    REFRESH_SECONDS,
  );
  printGrowth('refresh', start, sizesOf(city.folder), Math.round(rate * REFRESH_SECONDS));
  await service.stop();
}

const city = await makeCity(2_000);
try {
  await measureMemory(city);
  await measureGrowth(city);
} finally {
  remove(city.folder);
}
