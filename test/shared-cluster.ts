import { openStore } from '../src/store/database/index.ts';
import { migrate } from '../src/store/migrate.ts';
import { startCluster, type Cluster } from './helpers/cluster.ts';

/*
 * Setup and teardown of a whole test run (`node --test --test-global-setup`): one PostgreSQL cluster for all test files, with a migrated
 * database that they copy. A file that runs without this setup starts a cluster of its own.
 */

let cluster: Cluster | undefined;

export async function globalSetup(): Promise<void> {
  cluster = await startCluster();
  const migrated = await cluster.createDatabase();
  const store = await openStore({ url: migrated });
  await migrate(store);
  await store.close();
  // The processes of the test files inherit the environment.
  process.env['TEST_CLUSTER_URL'] = cluster.url;
  process.env['TEST_MIGRATED_DATABASE'] = new URL(migrated).pathname.slice(1);
}

export async function globalTeardown(): Promise<void> {
  await cluster?.stop();
}
