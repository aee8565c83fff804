import { startCluster } from '../../test/helpers/cluster.ts';
import { median } from './http.ts';
import { open, ROUNDS, say, signInRate, type Place } from './place.ts';
import { makeCity, remove } from './service.ts';

const PEOPLE = 3_000;

/** CPU time of the service for one sign-in, in milliseconds: of a node alone, while nobody else asks. */
async function cpuPerSignIn(place: Place): Promise<number> {
  await signInRate(place);
  const each: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = place.usage().cpuSeconds;
    const { done } = await signInRate(place);
    each.push(((place.usage().cpuSeconds - before) / done) * 1000);
  }
  return median(each);
}

/** What PostgreSQL costs against SQLite, and what a second node brings. The nodes, PostgreSQL and the driver share two cores. */
export async function compareDatabases(): Promise<void> {
  const cluster = await startCluster({ durable: true });
  const url = await cluster.createDatabase();
  const [small, large] = [await makeCity(PEOPLE), await makeCity(PEOPLE, url)];
  const lite = await open(small);
  const onSqlite = await cpuPerSignIn(lite);
  await lite.stop();
  const first = await open(large, { url });
  const onPostgres = await cpuPerSignIn(first);
  const cpu = `${(onPostgres / onSqlite).toFixed(2)} (${onSqlite.toFixed(1)} → ${onPostgres.toFixed(1)} ms)`;
  say('CPU of the service for a sign-in, PostgreSQL', 'SQLite', cpu, '≤ 1.2');
  const second = await open(large, { url, issuer: first.issuer });
  const alone = await signInRate(first);
  const [a, b] = await Promise.all([signInRate(first), signInRate(second)]);
  const rates = `${((a.rate + b.rate) / alone.rate).toFixed(2)} (${alone.rate.toFixed(0)} → ${(a.rate + b.rate).toFixed(0)}/s)`;
  say('sign-ins with two nodes on PostgreSQL', 'one node', rates, 'print');
  await Promise.all([first.stop(), second.stop()]);
  await cluster.stop();
  for (const { folder } of [small, large]) remove(folder);
}
