import { after } from 'node:test';

import { startCluster, type Cluster } from './cluster.ts';

export { startCluster, type Cluster } from './cluster.ts';

let shared: Promise<Cluster> | undefined;

/** Creates an empty database in the shared cluster of this test process. @returns its URL */
export async function testDatabaseUrl(): Promise<string> {
  shared ??= startCluster();
  return (await shared).createDatabase();
}

after(async () => {
  await (await shared)?.stop();
});
