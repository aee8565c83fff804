import { after } from 'node:test';

import { createDatabase, dropDatabase, startCluster, type Cluster } from './cluster.ts';

export { startCluster, type Cluster } from './cluster.ts';

/** URL of the cluster of the whole run, and the name of its migrated database, see ../shared-cluster.ts. */
const { TEST_CLUSTER_URL: sharedUrl, TEST_MIGRATED_DATABASE: template } = process.env;
const databases: string[] = [];
let own: Promise<Cluster> | undefined;

/**
 * Creates a database, which is deleted after the tests of this process.
 *
 * @param isEmpty if false, the database may be migrated already, so that migrating it is cheap
 * @returns its URL
 */
export async function testDatabaseUrl({ isEmpty = false } = {}): Promise<string> {
  if (sharedUrl === undefined) {
    own ??= startCluster();
    return (await own).createDatabase();
  }
  const database = await createDatabase(sharedUrl, isEmpty ? undefined : template);
  databases.push(database);
  return database;
}

after(async () => {
  await (await own)?.stop();
  for (const database of databases) await dropDatabase(database);
});
