import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sessionLifetime } from '../../src/domain/sessions.ts';
import {
  ACCOUNT_POLICY,
  ADDRESS_POLICY,
  registerAccountAttempt,
  registerAddressAttempt,
  releaseAddressAttempt,
  scalePolicy,
  releaseAccountAttempt,
} from '../../src/domain/throttling/throttle.ts';
import type {
  AttemptDecision,
  LeakyBucketPolicy,
  AccountThrottlePolicy,
  ThrottleState,
} from '../../src/domain/throttling/throttle.ts';

const START = Date.UTC(2026, 10, 23);
type Rule<R> = (state: ThrottleState | undefined, now: number, policy: R) => AttemptDecision;

/** Registers failed attempts at the instants. @returns the instants of the admitted ones */
function attempt<R>(
  admit: Rule<R>,
  policy: R,
  instants: readonly number[],
): { admitted: number[]; state: ThrottleState | undefined } {
  let state: ThrottleState | undefined;
  const admitted: number[] = [];
  for (const now of instants) {
    const decision = admit(state, now, policy);
    state = decision.next;
    if (decision.admitted) admitted.push(now);
  }
  return { admitted, state };
}

const gaps = (max: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 400 })
    .map((list) => list.map((_, at) => START + list.slice(0, at + 1).reduce((sum, gap) => sum + gap, 0)));

describe('registerAccountAttempt', () => {
  it('admits five attempts, then waits 30 s, doubling up to 15 minutes', () => {
    let state: ThrottleState | undefined;
    let now = START;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      const decision = registerAccountAttempt(state, now, ACCOUNT_POLICY);
      assert.equal(decision.admitted, true);
      state = decision.next;
      waits.push(Math.max(0, (state.blockedUntil - now) / 1000));
      now = Math.max(now, state.blockedUntil);
    }
    assert.deepEqual(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
  });

  it('locks permanently after fifty failures', () => {
    let state: ThrottleState | undefined;
    let now = START;
    for (let attempt = 0; attempt < ACCOUNT_POLICY.lockAfterFailures; attempt += 1) {
      const decision = registerAccountAttempt(state, now, ACCOUNT_POLICY);
      assert.equal(decision.admitted, true);
      state = decision.next;
      now = Math.max(now, state.blockedUntil);
    }
    const later = registerAccountAttempt(state, now + 365 * 86_400_000, ACCOUNT_POLICY);
    assert.deepEqual(later, { admitted: false, until: undefined, next: state });
    assert.ok(now - START > 9 * 3_600_000, 'reaching the lock takes most of a working day');
  });

  it('admits only the free attempts of fifty parallel ones', () => {
    const { admitted, state } = attempt<AccountThrottlePolicy>(
      registerAccountAttempt,
      ACCOUNT_POLICY,
      new Array<number>(50).fill(START),
    );
    assert.equal(admitted.length, 5);
    assert.equal(state?.failures, 5);
  });

  it('changes nothing on a refusal and returns the correct end of the wait', () => {
    fc.assert(
      fc.property(gaps(600_000), (instants) => {
        let state: ThrottleState | undefined;
        for (const now of instants) {
          const decision = registerAccountAttempt(state, now, ACCOUNT_POLICY);
          if (!decision.admitted) {
            assert.deepEqual(decision.next, state);
            const { until } = decision;
            if (until !== undefined) {
              assert.ok(until > now);
              assert.equal(registerAccountAttempt(state, until - 1, ACCOUNT_POLICY).admitted, false);
              assert.equal(registerAccountAttempt(state, until, ACCOUNT_POLICY).admitted, true);
            }
          }
          state = decision.next;
        }
      }),
    );
  });

  it('admits at most 5 at once, 9 in any ten minutes and 50 in all', () => {
    fc.assert(
      fc.property(gaps(120_000), (instants) => {
        const { admitted, state } = attempt<AccountThrottlePolicy>(registerAccountAttempt, ACCOUNT_POLICY, instants);
        assert.ok(admitted.length <= ACCOUNT_POLICY.lockAfterFailures);
        assert.equal(state?.failures, admitted.length);
        for (const from of admitted) {
          const inWindow = (length: number): number => admitted.filter((at) => at >= from && at < from + length).length;
          assert.ok(inWindow(ACCOUNT_POLICY.firstDelayMs) <= ACCOUNT_POLICY.freeAttempts);
          assert.ok(inWindow(600_000) <= 9);
        }
      }),
    );
  });

  it('is monotone: more failures never admit an attempt, more time never refuses one', () => {
    const state = fc.record({
      failures: fc.integer({ min: 1, max: 60 }),
      blockedUntil: fc.integer({ min: 0, max: 2_000_000 }),
      updatedAt: fc.constant(0),
    });
    fc.assert(
      fc.property(state, fc.nat(2_000_000), fc.nat(1_000_000), fc.nat(20), (before, now, later, more) => {
        const first = registerAccountAttempt(before, now, ACCOUNT_POLICY);
        if (first.admitted) assert.equal(registerAccountAttempt(before, now + later, ACCOUNT_POLICY).admitted, true);
        const worse = registerAccountAttempt({ ...before, failures: before.failures + more }, now, ACCOUNT_POLICY);
        if (worse.admitted) assert.equal(first.admitted, true);
        assert.ok(!worse.admitted || !first.admitted || worse.next.blockedUntil >= first.next.blockedUntil);
      }),
    );
  });

  it('restores the state when an attempt that was not compared is released', () => {
    const reachable = fc.record({ failures: fc.nat(ACCOUNT_POLICY.lockAfterFailures - 1), wait: fc.nat(900_000) });
    fc.assert(
      fc.property(reachable, ({ failures, wait }) => {
        const before = { failures, blockedUntil: START - wait, updatedAt: START - wait };
        const decision = registerAccountAttempt(before, START, ACCOUNT_POLICY);
        assert.equal(decision.admitted, true);
        assert.deepEqual(releaseAccountAttempt(decision.next, { before, next: decision.next }, ACCOUNT_POLICY), before);
      }),
    );
    const { next } = registerAccountAttempt(undefined, START, ACCOUNT_POLICY);
    const nothing = { failures: 0, blockedUntil: 0, updatedAt: START };
    assert.deepEqual(releaseAccountAttempt(next, { before: undefined, next }, ACCOUNT_POLICY), nothing);
  });

  it('keeps the wait when an attempt is released, unless fewer than five remain', () => {
    const attempt = { before: undefined, next: { failures: 1, blockedUntil: 0, updatedAt: START } };
    const after = (failures: number): ThrottleState =>
      releaseAccountAttempt({ failures, blockedUntil: START + 9, updatedAt: START }, attempt, ACCOUNT_POLICY);
    assert.deepEqual(after(6), { failures: 5, blockedUntil: START + 9, updatedAt: START });
    assert.deepEqual(after(5), { failures: 4, blockedUntil: 0, updatedAt: START });
    assert.deepEqual(after(0), { failures: 0, blockedUntil: 0, updatedAt: START });
    const sameCount = { failures: 1, blockedUntil: START + 9, updatedAt: START + 1 };
    assert.deepEqual(releaseAccountAttempt(sameCount, attempt, ACCOUNT_POLICY), {
      ...sameCount,
      failures: 0,
      blockedUntil: 0,
    });
  });

  it('starts at one failure after a success removed the row', () => {
    assert.deepEqual(registerAccountAttempt(undefined, START, ACCOUNT_POLICY), {
      admitted: true,
      next: { failures: 1, blockedUntil: 0, updatedAt: START },
    });
  });
});

describe('registerAddressAttempt', () => {
  it('never blocks a school of 630 sign-ins with 5 % typing errors', () => {
    const second = fc.integer({ min: 30, max: 300 });
    fc.assert(
      fc.property(
        second,
        fc.integer({ min: 50, max: 3_000 }),
        fc.infiniteStream(fc.nat(99)),
        (seconds, latency, dice) => {
          let state: ThrottleState | undefined;
          const refunds: number[] = [];
          for (let pupil = 0; pupil < 630; pupil += 1) {
            const now = START + Math.floor((pupil * seconds * 1000) / 630);
            while ((refunds[0] ?? Infinity) <= now)
              state = releaseAddressAttempt(state, refunds.shift() ?? now, ADDRESS_POLICY);
            const decision = registerAddressAttempt(state, now, ADDRESS_POLICY);
            assert.equal(decision.admitted, true, `pupil ${pupil}`);
            state = decision.next;
            if ((dice.next().value ?? 0) >= 5) refunds.push(now + latency);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('admits at most the capacity plus the leaked amount in any window', () => {
    const policy: LeakyBucketPolicy = { capacity: 20, leakIntervalMs: 1_000 };
    fc.assert(
      fc.property(gaps(2_000), fc.integer({ min: 0, max: 60_000 }), (instants, length) => {
        const { admitted } = attempt<LeakyBucketPolicy>(registerAddressAttempt, policy, instants);
        for (const from of admitted) {
          const count = admitted.filter((at) => at >= from && at <= from + length).length;
          assert.ok(count <= policy.capacity + Math.ceil(length / policy.leakIntervalMs) + 1);
        }
      }),
    );
  });

  it('admits 300 of 1,000 parallel attempts', () => {
    const { admitted, state } = attempt<LeakyBucketPolicy>(
      registerAddressAttempt,
      ADDRESS_POLICY,
      new Array<number>(1_000).fill(START),
    );
    assert.equal(admitted.length, 300);
    const denied = registerAddressAttempt(state, START + 400, ADDRESS_POLICY);
    assert.deepEqual(denied, { admitted: false, until: START + 1_000, next: state });
    assert.equal(registerAddressAttempt(state, START + 999, ADDRESS_POLICY).admitted, false);
    assert.equal(registerAddressAttempt(state, START + 1_000, ADDRESS_POLICY).admitted, true);
  });

  it('keeps whole, non-negative counts and releases exactly one per success', () => {
    const moves = fc.array(fc.tuple(fc.constantFrom('fail', 'succeed'), fc.integer({ min: 0, max: 500 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(moves, (list) => {
        let state: ThrottleState | undefined;
        let now = START;
        let failures = 0;
        for (const [move, gap] of list) {
          now += gap;
          state = registerAddressAttempt(state, now, ADDRESS_POLICY).next;
          if (move === 'succeed') state = releaseAddressAttempt(state, now, ADDRESS_POLICY);
          else failures += 1;
          assert.ok(Number.isInteger(state.failures) && state.failures >= 0 && state.failures <= failures);
          assert.ok(Number.isInteger(state.updatedAt) && state.updatedAt <= now);
        }
      }),
    );
  });

  it('leaks to zero over time, and releases nothing when the clock moves back', () => {
    const { state } = attempt<LeakyBucketPolicy>(
      registerAddressAttempt,
      ADDRESS_POLICY,
      new Array<number>(300).fill(START),
    );
    assert.ok(state);
    assert.equal(registerAddressAttempt(state, START + 299_999, ADDRESS_POLICY).next.failures, 2);
    assert.equal(registerAddressAttempt(state, START + 300_000, ADDRESS_POLICY).next.failures, 1);
    assert.equal(registerAddressAttempt(state, START - 3_600_000, ADDRESS_POLICY).admitted, false);
    assert.equal(releaseAddressAttempt(undefined, START, ADDRESS_POLICY).failures, 0);
  });
});

describe('scalePolicy', () => {
  it('multiplies the capacity and divides the leak interval, in whole numbers', () => {
    assert.deepEqual(scalePolicy(ADDRESS_POLICY, 1), ADDRESS_POLICY);
    assert.deepEqual(scalePolicy(ADDRESS_POLICY, 2), { capacity: 600, leakIntervalMs: 500 });
    assert.deepEqual(scalePolicy(ADDRESS_POLICY, 4), { capacity: 1_200, leakIntervalMs: 250 });
    assert.deepEqual(scalePolicy({ capacity: 3, leakIntervalMs: 1_001 }, 4), { capacity: 12, leakIntervalMs: 251 });
  });
});

describe('sessionLifetime', () => {
  const hour = 3_600_000;
  it('is 12 hours, or 30 days with 記住我, both absolute', () => {
    assert.equal(sessionLifetime(false, START, START), 12 * 3600);
    assert.equal(sessionLifetime(false, START, START + 12 * hour - 1_000), 1);
    assert.equal(sessionLifetime(false, START, START + 12 * hour), 0);
    assert.equal(sessionLifetime(true, START, START + 12 * hour), 30 * 86_400 - 12 * 3600);
    assert.equal(sessionLifetime(true, START, START + 30 * 24 * hour), 0);
    assert.equal(sessionLifetime(true, START, START + 99 * 24 * hour), 0);
    assert.equal(sessionLifetime(false, START, START - hour), 12 * 3600);
  });
});
