import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Counter, Registry } from 'prom-client';

import { retryDelayMs } from '../../src/jobs/outbox-delivery.ts';
import { runBestEffort } from '../../src/platform/best-effort.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createCapturedLog } from '../helpers/log.ts';

describe('delay before a delivery retry', () => {
  it('starts at two seconds, doubles, and is at most an hour', () => {
    assert.deepEqual([1, 2, 3, 4].map(retryDelayMs), [2_000, 4_000, 8_000, 16_000]);
    assert.equal(retryDelayMs(11), 2_048_000);
    for (const attempts of [12, 20, 45, 1_000, 10_000]) assert.equal(retryDelayMs(attempts), 3_600_000);
  });

  it('adds up to more than a day before the 45th and last attempt', () => {
    const total = Array.from({ length: 44 }, (_, at) => retryDelayMs(at + 1)).reduce((sum, pause) => sum + pause, 0);
    assert.ok(total > 24 * 3_600_000 && total < 48 * 3_600_000);
  });
});

describe('best-effort work', () => {
  it('runs; an error is logged and counted, and not thrown', async () => {
    const registry = new Registry();
    const options = { name: 'lost', help: 'lost', labelNames: ['kind'], registers: [registry] };
    const metrics = { bestEffortFailures: new Counter(options) };
    const kept = createCapturedLog();
    const done: string[] = [];
    runBestEffort({ log: kept.log, metrics }, 'listener', () => done.push('yes'));
    runBestEffort({ log: kept.log, metrics }, 'listener', () => {
      throw new Error('broken');
    });
    assert.deepEqual(done, ['yes']);
    assert.match(kept.text(), /"kind":"listener","msg":"side effect failed"/);
    assert.match(await registry.metrics(), /^lost\{kind="listener"\} 1$/m);
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
