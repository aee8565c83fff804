import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  firstPoll,
  MAX_INTERVAL_SECONDS,
  pacePoll,
  POLL_INTERVAL_SECONDS,
} from '../../src/domain/throttling/device-polls.ts';

const START = Date.UTC(2026, 10, 23, 1);

describe('pacePoll', () => {
  it('accepts polls at the interval, half a second early too, and counts from each of them', () => {
    let state = firstPoll(START);
    assert.deepEqual(state, { intervalSeconds: POLL_INTERVAL_SECONDS, acceptedAt: START });
    let now = START;
    for (const gap of [5_000, 4_500, 60_000, 4_500]) {
      now += gap;
      const { tooEarly, next } = pacePoll(state, now);
      assert.equal(tooEarly, false, String(gap));
      assert.deepEqual(next, { intervalSeconds: 5, acceptedAt: now });
      state = next;
    }
    assert.equal(pacePoll(state, now + 4_499).tooEarly, true);
  });

  it('lets the interval grow by 5 seconds up to a minute, and changes nothing any more then', () => {
    let state = firstPoll(START);
    for (const expected of [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60]) {
      const { tooEarly, next } = pacePoll(state, START + 1_000);
      assert.deepEqual([tooEarly, next], [true, { intervalSeconds: expected, acceptedAt: START }]);
      state = next;
    }
    assert.equal(pacePoll(state, START + MAX_INTERVAL_SECONDS * 1_000).tooEarly, false);
  });

  it('never slows down a device that obeys: it waits its interval, and 5 seconds more after each slow_down', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ hasty: fc.boolean(), extra: fc.integer({ min: 0, max: 3_000 }) }), { maxLength: 40 }),
        (polls) => {
          let state = firstPoll(START);
          let now = START;
          let own = POLL_INTERVAL_SECONDS;
          for (const { hasty, extra } of polls) {
            now += hasty ? 100 : own * 1_000 + extra;
            const { tooEarly, next } = pacePoll(state, now);
            assert.equal(tooEarly, hasty);
            if (tooEarly) own += 5;
            state = next;
          }
        },
      ),
    );
  });
});
