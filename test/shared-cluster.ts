import { startCluster, type Cluster } from './helpers/cluster.ts';

/*
 * Setup and teardown of a whole test run (`node --test --test-global-setup`): one PostgreSQL cluster for all test files. A file that
 * runs without this setup starts a cluster of its own.
 */

let cluster: Cluster | undefined;

export async function globalSetup(): Promise<void> {
  cluster = await startCluster();
  // The processes of the test files inherit the environment.
  process.env['TEST_CLUSTER_URL'] = cluster.url;
}

export async function globalTeardown(): Promise<void> {
  await cluster?.stop();
}
