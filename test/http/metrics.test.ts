import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';

import { Gauge, Registry } from 'prom-client';

import { createMetricsServer } from '../../src/http/server/metrics-server.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { freePort } from '../helpers/ports.ts';

it('the metrics server returns 500 and logs the error if metrics fail, then recovers', async () => {
  const registry = new Registry();
  let broken = true;
  new Gauge({
    name: 'kinpass_test_figure',
    help: 'fails once',
    registers: [registry],
    collect() {
      if (broken) throw new Error('no such figure');
      this.set(7);
    },
  });
  const kept = createCapturedLog();
  const port = await freePort();
  const server = createMetricsServer({ registry }, kept.log).listen(port, '127.0.0.1');
  await once(server, 'listening');
  try {
    const read = (): Promise<Response> => fetch(`http://127.0.0.1:${String(port)}/metrics`);
    assert.equal((await read()).status, 500);
    assert.match(kept.text(), /failed to collect metrics/);
    broken = false;
    const answer = await read();
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /^kinpass_test_figure 7$/m);
    const head = await fetch(`http://127.0.0.1:${String(port)}/metrics`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-type')], [200, registry.contentType]);
    assert.equal(await head.text(), '');
    assert.equal((await fetch(`http://127.0.0.1:${String(port)}/`, { method: 'HEAD' })).status, 404);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
