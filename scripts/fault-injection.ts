/*
 * Kills the program a hundred times under load, on SQLite and on PostgreSQL, and prints what came of it:
 *
 *   npm run faults            a hundred kills on each database, about fifteen minutes on two cores
 *   npm run faults -- 20      twenty
 *
 * The tests do the same a few times (test/concurrency/kill.test.ts).
 */
import { startCluster } from '../test/helpers/cluster.ts';
import { killRepeatedly } from '../test/concurrency/kill.ts';

const rounds = Number(process.argv[2] ?? 100);

async function killAll(name: string, databaseUrl?: string): Promise<void> {
  const total = { done: 0, failures: 0 };
  await killRepeatedly({
    rounds,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    tell: (round, done, failures) => {
      total.done += done;
      total.failures += failures;
      if (round % 10 === 0) process.stdout.write(`${name}: ${String(round)} of ${String(rounds)} kills\n`);
    },
  });
  process.stdout.write(
    `${name}: ${String(rounds)} kills, ${String(total.done)} pieces of work acknowledged, ${String(total.failures)} not answered; ` +
      'nothing lost, nothing twice, the audit log is whole\n',
  );
}

await killAll('SQLite');
const cluster = await startCluster();
try {
  await killAll('PostgreSQL, two nodes', await cluster.createDatabase());
} finally {
  await cluster.stop();
}
