import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { runWithRequestId } from '../../src/platform/request-id.ts';
import { createCapturedLog } from '../helpers/log.ts';

const LOGGER = new URL('../../src/platform/logger.ts', import.meta.url).href;

/** Logs lines of 1,000 characters in a new process. @returns how many it counts as dropped */
async function countDroppedIn(lines: number, output: string): Promise<number> {
  const script = `
    const { createLogger, countDroppedLines } = await import(process.argv[1]);
    const log = createLogger('info');
    for (let i = 0; i < ${String(lines)}; i += 1) {
      log.info('x'.repeat(1000));
      await new Promise(setImmediate);
    }
    process.stderr.write(String(countDroppedLines(log)));`;
  const args = ['-c', `exec "$0" "$@" ${output}`, process.execPath, '--input-type=module', '-e', script, LOGGER];
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // Without a redirection, the lines go to this pipe without a reader.
  child.stdout.destroy();
  const report = await text(child.stderr);
  assert.match(report, /^\d+$/);
  return Number(report);
}

describe('logger without a writable output', () => {
  it('counts lines when standard output has no reader', async () => {
    assert.equal(await countDroppedIn(20, ''), 20);
  });

  it('buffers lines while the disk is full, and counts lines beyond the buffer', async () => {
    assert.equal(await countDroppedIn(500, '>/dev/full'), 0);
    const dropped = await countDroppedIn(1_500, '>/dev/full');
    assert.ok(dropped > 400 && dropped < 1_000, String(dropped));
  });

  it('counts no lines when all are written', async () => {
    assert.equal(await countDroppedIn(500, '>/dev/null'), 0);
  });

  it('throws nothing, and reports dropped lines in the metrics', async () => {
    const log = createLogger('info', {
      write: () => {
        throw new Error('no room');
      },
    });
    const { registry } = createMetrics({ queueLength: () => 0 }, log);
    const droppedLines = async (): Promise<string | undefined> =>
      /^kinpass_log_lines_dropped_total (\d+)$/m.exec(await registry.metrics())?.[1];
    assert.equal(await droppedLines(), '0');
    log.info('one');
    log.info('two');
    assert.deepEqual([await droppedLines(), await droppedLines()], ['2', '2']);
  });
});

describe('logger', () => {
  it('writes JSON lines with time and level, and redacts sensitive fields', () => {
    const kept = createCapturedLog();
    kept.log.info(
      { password: 'p1', login: 'l1', headers: { cookie: 'c1' }, form: { email: 'e1', token: 't1' } },
      'hello',
    );
    kept.log.warn({ route: '/account' }, 'kept');
    const [first, second] = kept
      .text()
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    assert.deepEqual(Object.keys(first ?? {}).slice(0, 2), ['level', 'time']);
    for (const secret of ['p1', 'l1', 'c1', 'e1', 't1']) assert.ok(!kept.text().includes(secret), secret);
    assert.deepEqual({ ...(second ?? {}), time: '' }, { level: 'warn', time: '', route: '/account', msg: 'kept' });
  });

  it('writes nothing at level silent', () => {
    let lines = 0;
    const log = createLogger('silent', { write: () => (lines += 1) });
    log.error('x');
    assert.equal(lines, 0);
  });
});

describe('metrics', () => {
  it('have their labels and the queue length at the time of the scrape, in their own registry', async () => {
    let queueLength = 0;
    const metrics = createMetrics({ queueLength: () => queueLength }, createCapturedLog().log);
    metrics.signIns.inc({ outcome: 'ok' });
    metrics.bestEffortFailures.inc({ kind: 'listener' });
    metrics.outboxDeliveries.inc({ kind: 'mail', outcome: 'ok' });
    metrics.outboxPending.set(5);
    metrics.rateLimited.inc({ endpoint: 'token' });
    metrics.requestSeconds.observe({ method: 'GET', route: '/auth', status: '3xx' }, 0.2);
    metrics.socketsClosed.inc({ reason: 'stalled' });
    queueLength = 3;
    const text = await metrics.registry.metrics();
    for (const line of [
      'kinpass_password_hash_queue_length 3',
      'kinpass_sign_ins_total{outcome="ok"} 1',
      'kinpass_best_effort_failures_total{kind="listener"} 1',
      'kinpass_outbox_deliveries_total{kind="mail",outcome="ok"} 1',
      'kinpass_outbox_pending 5',
      'kinpass_rate_limited_total{endpoint="token"} 1',
      'kinpass_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/auth",status="3xx"} 0',
      'kinpass_http_request_duration_seconds_bucket{le="0.25",method="GET",route="/auth",status="3xx"} 1',
      'kinpass_sockets_closed_total{reason="stalled"} 1',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), line);
    }
    assert.match(text, /^process_cpu_seconds_total /m);
    const other = createMetrics({ queueLength: () => 0 }, createCapturedLog().log);
    assert.match(await other.registry.metrics(), /^kinpass_outbox_pending 0$/m);
  });
});

describe('a log line', () => {
  it('has the id of the request that writes it', async () => {
    const kept = createCapturedLog();
    await runWithRequestId('one', async () => {
      await Promise.resolve();
      kept.log.info('inside');
    });
    kept.log.info('outside');
    assert.match(kept.text(), /"requestId":"one","msg":"inside"/);
    assert.doesNotMatch(kept.text(), /requestId.*outside/);
  });
});
