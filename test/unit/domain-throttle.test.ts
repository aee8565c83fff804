import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  countRefusal,
  isWindowOver,
  NO_REFUSALS,
  REFUSAL_WINDOW_MS,
  summarizeRefusals,
  type Refusals,
} from '../../src/domain/throttling/refusals.ts';
import {
  ACCOUNT_POLICY,
  registerKnownDeviceAttempt,
  registerUnknownDeviceAttempt,
  MAX_FAILURES_ACROSS_DEVICES,
  warningAfter,
  type ThrottleState,
} from '../../src/domain/throttling/throttle.ts';

const START = Date.UTC(2026, 10, 23);
const LOCK = ACCOUNT_POLICY.lockAfterFailures;

const state = (failures: number, blockedUntil = 0): ThrottleState => ({ failures, blockedUntil, updatedAt: START - 1 });
const admit = (
  login: ThrottleState | undefined,
  person: ThrottleState | undefined,
  isTyped = true,
): ReturnType<typeof registerUnknownDeviceAttempt> =>
  registerUnknownDeviceAttempt({ login, person }, isTyped, START, ACCOUNT_POLICY);

describe('registerUnknownDeviceAttempt', () => {
  it('counts the attempt for the login and for the person', () => {
    const first = { failures: 1, blockedUntil: 0, updatedAt: START };
    assert.deepEqual(admit(undefined, undefined), {
      admitted: true,
      canCompare: true,
      isOnTime: true,
      next: { login: first, person: first },
    });
    assert.deepEqual(admit(state(3), state(4)), {
      admitted: true,
      canCompare: true,
      isOnTime: true,
      next: {
        login: { failures: 4, blockedUntil: 0, updatedAt: START },
        person: { failures: 5, blockedUntil: START + 30_000, updatedAt: START },
      },
    });
  });

  it('refuses during the wait and the lock of the login', () => {
    const until = START + 1;
    assert.deepEqual(admit(state(5, until), undefined), { admitted: false, by: 'login', until });
    assert.deepEqual(admit(state(LOCK), undefined), { admitted: false, by: 'login', until: undefined });
    assert.equal(admit(state(5, START), undefined).admitted, true);
    assert.equal(admit(state(LOCK - 1), undefined).admitted, true);
  });

  it('compares and counts during the wait of the person, and never shortens the wait', () => {
    const admission = admit(undefined, state(6, START + 40_000));
    assert.ok(admission.admitted);
    assert.deepEqual([admission.canCompare, admission.isOnTime], [true, false]);
    assert.deepEqual(admission.next.person, { failures: 7, blockedUntil: START + 120_000, updatedAt: START });
    const long = admit(undefined, state(6, START + 800_000));
    assert.ok(long.admitted);
    assert.equal(long.next.person.blockedUntil, START + 800_000);
    const over = admit(undefined, state(6, START));
    assert.ok(over.admitted);
    assert.equal(over.isOnTime, true);
  });

  it('neither compares nor counts when the person is locked', () => {
    const locked = state(LOCK, START + 1);
    const admission = admit(state(1), locked);
    assert.ok(admission.admitted);
    assert.deepEqual([admission.canCompare, admission.isOnTime], [false, false]);
    assert.deepEqual(admission.next, { login: { failures: 2, blockedUntil: 0, updatedAt: START }, person: locked });
    const last = admit(undefined, state(LOCK - 1));
    assert.ok(last.admitted);
    assert.deepEqual([last.canCompare, last.next.person.failures], [true, LOCK]);
  });

  it('refuses during the wait and the lock of the person without a typed login', () => {
    assert.deepEqual(admit(undefined, state(5, START + 1), false), {
      admitted: false,
      by: 'person',
      until: START + 1,
    });
    assert.deepEqual(admit(undefined, state(LOCK), false), { admitted: false, by: 'person', until: undefined });
    assert.equal(admit(undefined, state(5, START), false).admitted, true);
  });
});

describe('registerKnownDeviceAttempt', () => {
  const known = (device: ThrottleState | undefined, person: ThrottleState | undefined): unknown =>
    registerKnownDeviceAttempt({ device, person }, START, ACCOUNT_POLICY);

  it('ignores the wait and the lock of the person', () => {
    const first = { failures: 1, blockedUntil: 0, updatedAt: START };
    assert.deepEqual(known(undefined, undefined), { kind: 'admitted', next: { device: first, person: first } });
    assert.deepEqual(known(undefined, state(LOCK, START + 9)), {
      kind: 'admitted',
      next: { device: first, person: { failures: LOCK + 1, blockedUntil: START + 9, updatedAt: START } },
    });
  });

  it('has a separate wait, and treats a locked device as unknown', () => {
    assert.deepEqual(known(state(4), undefined), {
      kind: 'admitted',
      next: {
        device: { failures: 5, blockedUntil: START + 30_000, updatedAt: START },
        person: { failures: 1, blockedUntil: 0, updatedAt: START },
      },
    });
    assert.deepEqual(known(state(5, START + 1), undefined), { kind: 'refused', until: START + 1 });
    assert.deepEqual(known(state(LOCK), undefined), { kind: 'unknown' });
    assert.deepEqual(known(undefined, state(MAX_FAILURES_ACROSS_DEVICES)), { kind: 'unknown' });
    assert.notDeepEqual(known(undefined, state(MAX_FAILURES_ACROSS_DEVICES - 1)), { kind: 'unknown' });
  });
});

describe('the counters of an account', () => {
  /** Failed attempts with device, login and delay. Device 0 is unknown, login 0 is the account page. */
  const attempts = fc.array(
    fc.record({ device: fc.nat(3), login: fc.nat(3), later: fc.oneof(fc.nat(1_000), fc.nat(1_000_000)) }),
    { minLength: 1, maxLength: 500 },
  );
  type Attempts = typeof attempts extends fc.Arbitrary<infer T> ? T : never;
  interface Compared {
    at: number;
    isKnown: boolean;
    isOnTime: boolean;
  }

  /** Runs the attempts. @returns those whose password is compared */
  const run = (list: Attempts): Compared[] => {
    const counters = new Map<string, ThrottleState>();
    const compared: Compared[] = [];
    let now = START;
    for (const { device, login, later } of list) {
      now += later;
      const person = counters.get('person');
      const [deviceKey, loginKey] = [`device ${String(device)}`, `login ${String(login)}`];
      const known =
        device === 0
          ? undefined
          : registerKnownDeviceAttempt({ device: counters.get(deviceKey), person }, now, ACCOUNT_POLICY);
      if (known?.kind === 'refused') continue;
      if (known?.kind === 'admitted') {
        counters.set(deviceKey, known.next.device).set('person', known.next.person);
        compared.push({ at: now, isKnown: true, isOnTime: true });
        continue;
      }
      const states = { login: login === 0 ? undefined : counters.get(loginKey), person };
      const admission = registerUnknownDeviceAttempt(states, login !== 0, now, ACCOUNT_POLICY);
      if (!admission.admitted) continue;
      counters.set('person', admission.next.person);
      if (login !== 0) counters.set(loginKey, admission.next.login);
      if (admission.canCompare) compared.push({ at: now, isKnown: false, isOnTime: admission.isOnTime });
    }
    return compared;
  };

  it('allow at most one hundred comparisons in a row over all logins and devices', () => {
    fc.assert(
      fc.property(attempts, (list) => {
        const compared = run(list);
        assert.ok(compared.length <= MAX_FAILURES_ACROSS_DEVICES);
        assert.ok(compared.filter(({ isKnown }) => !isKnown).length <= LOCK);
      }),
    );
    const everywhere = Array.from({ length: 2_000 }, (_, at) => ({ device: at % 4, login: at % 3, later: 1_000_000 }));
    assert.equal(run(everywhere).length, MAX_FAILURES_ACROSS_DEVICES);
    const unknown = everywhere.map((attempt) => ({ ...attempt, device: 0 }));
    assert.equal(run(unknown).length, LOCK);
  });

  it('keep the attempts of a known device under attack by unknown devices', () => {
    fc.assert(
      fc.property(attempts, (list) => {
        const attack = list.map((attempt) => ({ ...attempt, device: 0 }));
        const own = { device: 1, login: 1, later: 0 };
        const compared = run([...attack, own, own, own, own, own, own]).filter(({ isKnown }) => isKnown);
        assert.equal(compared.length, 5);
      }),
    );
  });

  it('close a first password no sooner for several logins than for one', () => {
    // The instants at which the n-th attempt can count: five at once, then after the growing waits of one counter.
    const earliest = [0, 0, 0, 0, 0, 30, 90, 210, 450, 930].map((seconds) => seconds * 1_000);
    fc.assert(
      fc.property(attempts, (list) => {
        const counted = run(list.map((attempt) => ({ ...attempt, device: 0 }))).filter(({ isOnTime }) => isOnTime);
        const [first] = counted;
        if (first === undefined) return;
        for (const [at, ms] of earliest.entries()) {
          const nth = counted[at];
          assert.ok(nth === undefined || nth.at - first.at >= ms, `${String(at)}: ${String(nth?.at)}`);
        }
      }),
    );
  });
});

describe('refused attempts', () => {
  it('are recorded once, counted, and summarized after an hour', () => {
    assert.deepEqual(countRefusal(NO_REFUSALS, START), {
      next: { count: 0, since: START },
      isFirst: true,
      summary: undefined,
    });
    const open = { count: 3, since: START };
    const end = START + REFUSAL_WINDOW_MS;
    assert.deepEqual(countRefusal(open, end - 1), {
      next: { count: 4, since: START },
      isFirst: false,
      summary: undefined,
    });
    assert.deepEqual(countRefusal(open, end), {
      next: { count: 0, since: end },
      isFirst: false,
      summary: { attempts: 4, since: START },
    });
    assert.deepEqual([isWindowOver(open, end - 1), isWindowOver(open, end)], [false, true]);
    assert.equal(isWindowOver(NO_REFUSALS, end), false);
    assert.deepEqual(summarizeRefusals(open), { attempts: 3, since: START });
    assert.deepEqual(
      [summarizeRefusals({ count: 0, since: START }), summarizeRefusals(NO_REFUSALS)],
      [undefined, undefined],
    );
  });

  it('are all recorded, in at most two entries plus one per hour', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600_000), { minLength: 1, maxLength: 300 }), (gaps) => {
        let refusals: Refusals = NO_REFUSALS;
        let now = START;
        let [entries, recorded] = [0, 0];
        for (const gap of gaps) {
          now += gap;
          const counted = countRefusal(refusals, now);
          refusals = counted.next;
          entries += Number(counted.isFirst) + Number(counted.summary !== undefined);
          recorded += Number(counted.isFirst) + (counted.summary?.attempts ?? 0);
        }
        const rest = summarizeRefusals(refusals);
        recorded += rest?.attempts ?? 0;
        assert.equal(recorded, gaps.length);
        assert.ok(entries + Number(rest !== undefined) <= 2 + Math.floor((now - START) / REFUSAL_WINDOW_MS));
      }),
    );
  });
});

describe('warningAfter', () => {
  const warn = (failures: number, blockedUntil = 0): ReturnType<typeof warningAfter> =>
    warningAfter(state(failures, blockedUntil), START, ACCOUNT_POLICY);

  it('warns before the first delay, while delayed and before the lock, and not before or after', () => {
    const { freeAttempts, firstDelayMs } = ACCOUNT_POLICY;
    const until = START + 1;
    assert.equal(warn(freeAttempts - 2), undefined);
    assert.deepEqual(warn(freeAttempts - 1), { kind: 'last_free', delayMs: firstDelayMs });
    assert.deepEqual(warn(freeAttempts, until), { kind: 'delayed', until });
    assert.deepEqual(warn(LOCK - 2, until), { kind: 'delayed', until });
    assert.deepEqual(warn(LOCK - 1, until), { kind: 'last_before_lock' });
    assert.equal(warn(LOCK, until), undefined);
  });
});
