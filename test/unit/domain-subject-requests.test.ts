import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { deadlineStateOf } from '../../src/domain/binding/subject-requests.ts';
import { DAY_MS } from '../../src/domain/duration.ts';

describe('the deadline of a request', () => {
  for (const [leftMs, state] of [
    [30 * DAY_MS, 'ok'],
    [7 * DAY_MS + 1, 'ok'],
    [7 * DAY_MS, 'near'],
    [1, 'near'],
    [0, 'over'],
    [-1, 'over'],
  ] as const) {
    it(`is ${state} when ${String(leftMs)} ms are left`, () => {
      assert.equal(deadlineStateOf(1_000 + leftMs, 1_000), state);
    });
  }
});
