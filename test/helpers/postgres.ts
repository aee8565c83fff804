import { after } from 'node:test';

import { createDatabase, dropDatabase, startCluster, type Cluster } from './cluster.ts';

export { startCluster, type Cluster } from './cluster.ts';

/** URL of the cluster of the whole run, see ../shared-cluster.ts. */
const { TEST_CLUSTER_URL: sharedUrl } = process.env;
const databases: string[] = [];
let own: Promise<Cluster> | undefined;

/** Creates an empty database, which is deleted after the tests of this process. @returns its URL */
export async function testDatabaseUrl(): Promise<string> {
  if (sharedUrl === undefined) {
    own ??= startCluster();
    return (await own).createDatabase();
  }
  const database = await createDatabase(sharedUrl);
  databases.push(database);
  return database;
}

after(async () => {
  await (await own)?.stop();
  for (const database of databases) await dropDatabase(database);
});
