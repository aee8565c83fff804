/** Restarts nodes and the database under load, as operators do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startCluster, type Cluster } from '../helpers/cluster.ts';
import { createLoadPeople, LOAD_PEOPLE, loadClients, runUnderLoad } from './load.ts';
import { startNodes, type Nodes } from './nodes.ts';

/** Twenty times the poll interval of the load balancer, because other tests load the machine. */
const DRAIN_SECONDS = '2';

describe('under load', () => {
  const people = createLoadPeople();
  let cluster: Cluster;
  let nodes: Nodes;
  before(async () => {
    cluster = await startCluster();
    nodes = await startNodes({
      count: 2,
      databaseUrl: await cluster.createDatabase(),
      clients: loadClients,
      people: LOAD_PEOPLE,
      env: { KINPASS_DRAIN_SECONDS: DRAIN_SECONDS },
    });
  });
  after(async () => {
    await nodes.stop();
    await cluster.stop();
  });

  it('a rolling restart of two nodes fails no request and keeps connections', async () => {
    const load = await runUnderLoad(nodes.issuer, people, async ({ waitForProgress }) => {
      for (const node of [0, 1]) {
        await waitForProgress(10);
        await nodes.stopNode(node);
        await waitForProgress(10);
        await nodes.start(node);
      }
      await waitForProgress(10);
    });
    assert.deepEqual([load.failures, nodes.loadBalancer.failures], [[], []]);
    assert.ok(
      nodes.loadBalancer.reused() > load.done(),
      `${String(nodes.loadBalancer.reused())} requests on reused connections`,
    );
    await load.verify();
  });

  it('a PostgreSQL restart recovers within five seconds and loses no acknowledged work', async () => {
    let seconds = 0;
    const load = await runUnderLoad(nodes.issuer, people, async ({ waitForProgress }) => {
      await waitForProgress(10);
      await cluster.restart();
      const back = performance.now();
      await waitForProgress(5);
      seconds = (performance.now() - back) / 1000;
      await waitForProgress(10);
    });
    assert.ok(seconds < 5, `${String(seconds)} s`);
    // The outcome of an interrupted COMMIT is unknown, so its request must fail; all other requests wait.
    assert.ok(load.failures.length <= 4, load.failures.join('\n'));
    await load.verify();
  });
});
