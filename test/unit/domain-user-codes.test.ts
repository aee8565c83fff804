import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  registerAccountAttempt,
  registerAddressAttempt,
  type ThrottleState,
} from '../../src/domain/throttling/throttle.ts';
import { USER_CODE_NETWORK_POLICY, USER_CODE_POLICY } from '../../src/domain/throttling/user-codes.ts';

const START = Date.UTC(2026, 10, 23, 1);
const HOUR = 3_600_000;

describe('limits of wrong user codes', () => {
  it('admit 60 at once and 419 in the first hour per network', () => {
    let state: ThrottleState | undefined;
    let admitted = 0;
    for (let now = START; now < START + HOUR; now += 500) {
      for (let at = 0; at < (now === START ? 100 : 1); at += 1) {
        const admission = registerAddressAttempt(state, now, USER_CODE_NETWORK_POLICY);
        state = admission.next;
        if (admission.admitted) admitted += 1;
      }
      if (now === START) assert.equal(admitted, 60);
    }
    assert.equal(admitted, 60 + 359);
  });

  it('admit 5 per person or session, then wait 30 seconds to 15 minutes, and never lock', () => {
    let state: ThrottleState | undefined;
    let now = START;
    const waits: number[] = [];
    for (let at = 0; at < 200; at += 1) {
      const admission = registerAccountAttempt(state, now, USER_CODE_POLICY);
      assert.equal(admission.admitted, true, String(at));
      state = admission.next;
      waits.push(state.blockedUntil === 0 ? 0 : state.blockedUntil - now);
      now = Math.max(now, state.blockedUntil);
    }
    assert.deepEqual(
      waits.slice(0, 11),
      [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900].map((seconds) => seconds * 1_000),
    );
    assert.equal(waits.at(-1), 900_000);
  });
});
