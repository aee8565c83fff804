import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Registry } from 'prom-client';

import { LIMITED_ENDPOINTS } from '../../src/domain/throttling/request-rates.ts';
import { startPeriodicJob } from '../../src/jobs/periodic-job.ts';
import { BEST_EFFORT_KINDS, createMetrics } from '../../src/platform/metrics.ts';
import { addNodeMetrics } from '../../src/platform/node-metrics.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';

describe('counters', () => {
  it('begin at 0 for each value of their labels', async () => {
    const text = await createMetrics({ queueLength: () => 0 }, createCapturedLog().log).registry.metrics();
    const values = (name: string): string[] =>
      [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} 0$`, 'gm'))].map(([, labels = '']) =>
        labels.replaceAll('"', ''),
      );
    for (const [name, labels] of Object.entries({
      kinpass_sign_ins_total: [
        'succeeded',
        'second_factor_required',
        'password_change_required',
        'failed',
        'throttled',
      ],
      kinpass_http_responses_total: ['2xx', '3xx', '4xx', '5xx'],
      kinpass_clients_reload_total: ['loaded', 'rejected'],
      kinpass_proxy_problems_total: ['untrusted', 'no_client_address', 'http', 'proxy_protocol'],
      kinpass_sockets_closed_total: [
        ...['pipelined', 'stalled', 'too_many_waiting', 'no_request', 'too_many_open', 'too_many_bytes', 'refused'],
      ],
    })) {
      assert.deepEqual(
        values(name).map((one) => one.split('=')[1]),
        labels,
      );
    }
    assert.equal(values('kinpass_outbox_deliveries_total').length, 2 * 4);
    assert.equal(values('kinpass_rate_limited_total').length, LIMITED_ENDPOINTS.length);
    assert.equal(values('kinpass_best_effort_failures_total').length, BEST_EFFORT_KINDS.length);
  });
});

describe('node metrics', () => {
  it('show the build and the pools, and a node that does not answer in time as not ready', async () => {
    const registry = new Registry();
    let ready: Promise<boolean> = Promise.resolve(true);
    const pool = { pool: 'write', busy: 3, idle: 1, waiting: 2, max: 10 };
    addNodeMetrics(registry, { version: '1.2.3', database: 'postgres', isReady: () => ready, poolUse: () => [pool] });
    const text = await registry.metrics();
    for (const line of [
      `kinpass_build_info{version="1.2.3",node="${process.version}",database="postgres"} 1`,
      'kinpass_ready 1',
      'kinpass_database_connections{pool="write",state="busy"} 3',
      'kinpass_database_connections{pool="write",state="idle"} 1',
      'kinpass_database_connections{pool="write",state="max"} 10',
      'kinpass_database_waiting{pool="write"} 2',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), line);
    }
    ready = new Promise(() => undefined);
    assert.match(await registry.metrics(), /^kinpass_ready 0$/m);
  });
});

describe('a periodic job', () => {
  it('counts its failures and records its last success and its interval', async () => {
    const { log } = createCapturedLog();
    const metrics = createMetrics({ queueLength: () => 0 }, log);
    let runs = 0;
    const job = startPeriodicJob('test', 1, { log, metrics }, () => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('once')) : Promise.resolve();
    });
    const valueOf = async (name: string): Promise<number> => {
      const text = await metrics.registry.metrics();
      return Number(new RegExp(`^kinpass_job_${name}\\{task="test"\\} (.*)$`, 'm').exec(text)?.[1]);
    };
    assert.equal(await valueOf('last_success_timestamp_seconds'), 0);
    await pollUntil('the second run', () => Promise.resolve(runs >= 2));
    await job.stop();
    assert.equal(await valueOf('failures_total'), 1);
    assert.equal(await valueOf('interval_seconds'), 0.001);
    assert.ok(Date.now() / 1000 - (await valueOf('last_success_timestamp_seconds')) < 60);
  });
});
