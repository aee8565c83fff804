/** What an operator does in the middle of the day: nodes and the database are restarted under load. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startCluster, type Cluster } from '../helpers/cluster.ts';
import { loadClients, newPassword, runUnderLoad } from './load.ts';
import { startNodes, type Nodes } from './nodes.ts';

/** Twenty times what the front needs to see that a node goes, because this machine may have much else to do. */
const DRAIN_SECONDS = '2';

describe('under load', () => {
  const password = newPassword();
  let cluster: Cluster;
  let nodes: Nodes;
  before(async () => {
    cluster = await startCluster();
    nodes = await startNodes({
      count: 2,
      databaseUrl: await cluster.createDatabase(),
      clients: loadClients,
      env: { KINPASS_DRAIN_SECONDS: DRAIN_SECONDS },
    });
  });
  after(async () => {
    await nodes.stop();
    await cluster.stop();
  });

  it('a rolling restart of two nodes fails no request and keeps connections', async () => {
    const load = await runUnderLoad(nodes.issuer, password, async ({ goesOn }) => {
      for (const node of [0, 1]) {
        await goesOn(10);
        await nodes.stopNode(node);
        await goesOn(10);
        await nodes.start(node);
      }
      await goesOn(10);
    });
    assert.deepEqual([load.failures, nodes.loadBalancer.failures], [[], []]);
    assert.ok(
      nodes.loadBalancer.reused() > load.done(),
      `${String(nodes.loadBalancer.reused())} requests over kept connections`,
    );
    await load.verify();
  });

  it('a PostgreSQL restart recovers within five seconds and loses no acknowledged work', async () => {
    let seconds = 0;
    const load = await runUnderLoad(nodes.issuer, password, async ({ goesOn }) => {
      await goesOn(10);
      await cluster.restart();
      const back = performance.now();
      await goesOn(5);
      seconds = (performance.now() - back) / 1000;
      await goesOn(10);
    });
    assert.ok(seconds < 5, `${String(seconds)} s`);
    // The outcome of an interrupted COMMIT is unknown, so its request must fail; all other requests wait.
    assert.ok(load.failures.length <= 4, load.failures.join('\n'));
    await load.verify();
  });
});
