import { startCluster } from '../../test/helpers/cluster.ts';
import { open, ROUNDS, print, signInRate, type BenchHarness } from './harness.ts';
import { median } from './load-driver.ts';
import { makeCity, remove } from './service.ts';

const PEOPLE = 3_000;

/** Rounds before V8 has compiled all code paths. The PostgreSQL path has more code. */
const WARM_UP_ROUNDS = 4;

/** Measures the CPU time of the service for one sign-in, in milliseconds. */
async function cpuPerSignIn(harness: BenchHarness): Promise<number> {
  const before = harness.usage().cpuSeconds;
  const { done } = await signInRate(harness);
  return ((harness.usage().cpuSeconds - before) / done) * 1000;
}

/** Measures both in turn, so that a slower machine affects both. */
async function compareCpu(lite: BenchHarness, postgres: BenchHarness): Promise<string> {
  const rounds: { onSqlite: number; onPostgres: number }[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
    rounds.push({ onSqlite: await cpuPerSignIn(lite), onPostgres: await cpuPerSignIn(postgres) });
  }
  const warm = rounds.slice(WARM_UP_ROUNDS);
  const ratio = median(warm.map(({ onSqlite, onPostgres }) => onPostgres / onSqlite));
  const of = (name: 'onSqlite' | 'onPostgres'): string => median(warm.map((one) => one[name])).toFixed(1);
  return `${ratio.toFixed(2)} (${of('onSqlite')} → ${of('onPostgres')} ms)`;
}

/** Compares PostgreSQL with SQLite, and two nodes with one. The nodes, PostgreSQL and the load driver share the cores. */
export async function compareDatabases(): Promise<void> {
  const cluster = await startCluster({ durable: true });
  const url = await cluster.createDatabase();
  const [small, large] = [await makeCity(PEOPLE), await makeCity(PEOPLE, url)];
  const lite = await open(small);
  const first = await open(large, { url });
  print('CPU time per sign-in with PostgreSQL', 'SQLite', await compareCpu(lite, first), '≤ 1.2');
  await lite.stop();
  const second = await open(large, { url, issuer: first.issuer });
  const alone = await signInRate(first);
  const [a, b] = await Promise.all([signInRate(first), signInRate(second)]);
  const rates = `${((a.rate + b.rate) / alone.rate).toFixed(2)} (${alone.rate.toFixed(0)} → ${(a.rate + b.rate).toFixed(0)}/s)`;
  print('sign-in rate, two nodes on PostgreSQL', 'one node', rates, '');
  await Promise.all([first.stop(), second.stop()]);
  await cluster.stop();
  for (const { folder } of [small, large]) remove(folder);
}
