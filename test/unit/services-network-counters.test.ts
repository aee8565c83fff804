import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { NO_REFUSALS } from '../../src/domain/throttling/refusals.ts';
import { registerJointAttempt, type ThrottleState } from '../../src/domain/throttling/throttle.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createNetworkCounters } from '../../src/services/authentication/network-counters.ts';

const NOW = Date.UTC(2026, 10, 23);
const RULE = { capacity: 10, leakIntervalMs: 1_000 };
const secrets = createSecrets(randomBytes(32), systemRandom);
const countersOf = (address: string): ReturnType<typeof createNetworkCounters> =>
  createNetworkCounters(secrets, 'address', address, RULE);

/** Counts the admitted addresses, with one attempt each at the same time. */
function countAdmitted(addresses: readonly string[]): number {
  const states = new Map<string, ThrottleState>();
  let admitted = 0;
  for (const address of addresses) {
    const counters = countersOf(address);
    const locked = counters.map((counter) => ({ ...counter, state: states.get(counter.key), refusals: NO_REFUSALS }));
    const admission = registerJointAttempt(locked, NOW);
    if (!admission.admitted) continue;
    admitted += 1;
    for (const [at, { key }] of counters.entries()) {
      const next = admission.next[at];
      if (next !== undefined) states.set(key, next);
    }
  }
  return admitted;
}
const addresses = (write: (at: number) => string): string[] => Array.from({ length: 100 }, (_, at) => write(at));
const hex = (at: number): string => at.toString(16).padStart(2, '0');

describe('network counters', () => {
  it('admit 1, 2 and 4 budgets from the addresses of one /64, /56 and /48', () => {
    assert.equal(countAdmitted(addresses((at) => `2001:db8:1:1::${hex(at)}`)), 10);
    assert.equal(countAdmitted(addresses((at) => `2001:db8:1:1${hex(at)}::1`)), 20);
    assert.equal(countAdmitted(addresses((at) => `2001:db8:1:${hex(at)}00::1`)), 40);
    assert.equal(countAdmitted(addresses((at) => `2001:db8:${hex(at)}::1`)), 100);
  });

  it('count an embedded IPv4 address with the IPv4 address', () => {
    const writings = ['203.0.113.7', '::ffff:203.0.113.7', '64:ff9b::203.0.113.7'];
    assert.equal(countAdmitted(addresses((at) => writings[at % 3] ?? '')), 10);
  });

  it('refuse with the counter of the longest delay', () => {
    const counters = countersOf('2001:db8::1');
    const locked = counters.map((counter, at) => ({
      ...counter,
      state: { failures: 10 * 2 ** at, blockedUntil: 0, updatedAt: at === 2 ? NOW + 5_000 : NOW },
      refusals: NO_REFUSALS,
    }));
    const [first, , third] = locked;
    assert.deepEqual(registerJointAttempt(locked.slice(0, 2), NOW), { admitted: false, until: NOW + 1_000, by: first });
    assert.deepEqual(registerJointAttempt(locked, NOW), { admitted: false, until: NOW + 5_250, by: third });
  });

  it('contain no address in their keys', () => {
    for (const { key } of [...countersOf('203.0.113.7'), ...countersOf('2001:db8::1')]) {
      assert.match(key, /^address:[\w-]{43}$/);
    }
  });
});
