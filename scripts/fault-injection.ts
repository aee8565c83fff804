/*
 * Kills the service repeatedly under load, on SQLite and on PostgreSQL, and checks that no acknowledged work is lost:
 *
 *   npm run faults            a hundred kills on each database, about fifteen minutes on two cores
 *   npm run faults -- 20      twenty kills on each database
 *
 * The test suite runs a few rounds of it (test/concurrency/kill.test.ts).
 */
import { startCluster } from '../test/helpers/cluster.ts';
import { killRepeatedly } from '../test/concurrency/kill.ts';

const DEFAULT_ROUNDS = 100;
const PROGRESS_ROUNDS = 10;

const rounds = Number(process.argv[2] ?? DEFAULT_ROUNDS);
if (!Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`faults: the number of kills must be a whole number from 1, not "${process.argv[2] ?? ''}"\n`);
  process.exit(2);
}

async function killAll(name: string, databaseUrl?: string): Promise<void> {
  const total = { done: 0, failures: 0 };
  await killRepeatedly({
    rounds,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    onRound: (round, done, failures) => {
      total.done += done;
      total.failures += failures;
      if (round % PROGRESS_ROUNDS === 0) process.stdout.write(`${name}: ${String(round)} of ${String(rounds)} kills\n`);
    },
  });
  process.stdout.write(
    `${name}: ${String(rounds)} kills, ${String(total.done)} operations acknowledged, ${String(total.failures)} without a response; ` +
      'no acknowledged operation lost, none applied twice, the audit chain is intact\n',
  );
}

await killAll('SQLite');
const cluster = await startCluster();
try {
  await killAll('PostgreSQL, two nodes', await cluster.createDatabase());
} finally {
  await cluster.stop();
}
