import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { retryDelayMs } from '../../src/jobs/outbox-delivery.ts';

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
