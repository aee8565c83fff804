import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Counter, Registry } from 'prom-client';

import { runBestEffort } from '../../src/platform/best-effort.ts';
import { createCapturedLog } from '../helpers/log.ts';

describe('best-effort work', () => {
  it('runs; an error is logged and counted, and not thrown', async () => {
    const registry = new Registry();
    const options = { name: 'lost', help: 'lost', labelNames: ['kind'], registers: [registry] };
    const metrics = { bestEffortFailures: new Counter(options) };
    const kept = createCapturedLog();
    const done: string[] = [];
    runBestEffort({ log: kept.log, metrics }, 'audit', () => done.push('yes'));
    runBestEffort({ log: kept.log, metrics }, 'audit', () => {
      throw new Error('broken');
    });
    assert.deepEqual(done, ['yes']);
    assert.match(kept.text(), /"kind":"audit","msg":"side effect failed"/);
    assert.match(await registry.metrics(), /^lost\{kind="audit"\} 1$/m);
  });
});
