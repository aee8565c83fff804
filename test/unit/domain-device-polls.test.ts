import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  firstPoll,
  MAX_INTERVAL_SECONDS,
  registerPoll,
  POLL_INTERVAL_SECONDS,
} from '../../src/domain/throttling/device-polls.ts';

const START = Date.UTC(2026, 10, 23, 1);

describe('registerPoll', () => {
  it('accepts polls up to half a second early and measures from the last accepted one', () => {
    let state = firstPoll(START);
    assert.deepEqual(state, { intervalSeconds: POLL_INTERVAL_SECONDS, acceptedAt: START });
    let now = START;
    for (const gap of [5_000, 4_500, 60_000, 4_500]) {
      now += gap;
      const { isTooEarly, next } = registerPoll(state, now);
      assert.equal(isTooEarly, false, String(gap));
      assert.deepEqual(next, { intervalSeconds: 5, acceptedAt: now });
      state = next;
    }
    assert.equal(registerPoll(state, now + 4_499).isTooEarly, true);
  });

  it('increases the interval by 5 seconds per early poll, up to a minute', () => {
    let state = firstPoll(START);
    for (const expected of [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60]) {
      const { isTooEarly, next } = registerPoll(state, START + 1_000);
      assert.deepEqual([isTooEarly, next], [true, { intervalSeconds: expected, acceptedAt: START }]);
      state = next;
    }
    assert.equal(registerPoll(state, START + MAX_INTERVAL_SECONDS * 1_000).isTooEarly, false);
  });

  it('accepts every poll of a device that adds 5 seconds after each slow_down', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ hasty: fc.boolean(), extra: fc.integer({ min: 0, max: 3_000 }) }), { maxLength: 40 }),
        (polls) => {
          let state = firstPoll(START);
          let now = START;
          let own = POLL_INTERVAL_SECONDS;
          for (const { hasty, extra } of polls) {
            now += hasty ? 100 : own * 1_000 + extra;
            const { isTooEarly, next } = registerPoll(state, now);
            assert.equal(isTooEarly, hasty);
            if (isTooEarly) own += 5;
            state = next;
          }
        },
      ),
    );
  });
});
