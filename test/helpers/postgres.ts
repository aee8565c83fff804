import { after } from 'node:test';

import { startCluster, type Cluster } from './cluster.ts';

export { startCluster, type Cluster } from './cluster.ts';

let shared: Promise<Cluster> | undefined;

/** The URL of a new empty database in the cluster of this test process; the cluster ends with the tests of the file. */
export async function testDatabaseUrl(): Promise<string> {
  shared ??= startCluster();
  return (await shared).createDatabase();
}

after(async () => {
  await (await shared)?.stop();
});
