import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import {
  CLIENT_POLICY,
  GRANT_REFRESH_POLICY,
  KNOWN_DEVICE_POLICY,
  KNOWN_DEVICES_POLICY,
  NETWORK_POLICIES,
  NEW_PASSWORD_BUDGETS_PER_PERSON,
  NEW_PASSWORD_POLICY,
  PERSON_REFRESH_POLICY,
  SESSION_POLICY,
} from '../../src/domain/throttling/request-rates.ts';
import { RateLimitedError } from '../../src/platform/errors.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { createRequestRateLimiter, type RequestRateLimiter } from '../../src/services/access/request-rate-limiter.ts';

const HOME = '203.0.113.7';
const { capacity, leakIntervalMs } = NETWORK_POLICIES.authorization;

describe('rate limits of unauthenticated requests', () => {
  let now: number;
  let rates: RequestRateLimiter;
  let metrics: Metrics;
  const start = (maxCounters?: number): void => {
    const log = createLogger('silent');
    metrics = createMetrics({ queueLength: () => 0 }, log);
    rates = createRequestRateLimiter({ clock: { now: () => now }, log, metrics, maxCounters });
  };
  const begin = (count: number, address = HOME): void => {
    for (let i = 0; i < count; i += 1) rates.admitNetwork('authorization', address);
  };
  /** Sends `count` requests. @returns the seconds to wait if one is rejected */
  const waitOf = (count: number, address = HOME): number =>
    waitAfter(() => {
      begin(count, address);
    });
  const waitAfter = (work: () => void): number => {
    try {
      work();
    } catch (error) {
      if (error instanceof RateLimitedError) return error.retryAfterSeconds;
      throw error;
    }
    return 0;
  };
  beforeEach(() => {
    now = 1_000_000;
    start();
  });

  it('let 600 students behind one address open three apps each, and a third of them reload', () => {
    begin(600 * 3 + 600);
  });

  it('reject requests over the budget with the delay, and admit them after it', async () => {
    begin(capacity);
    assert.equal(waitOf(1), leakIntervalMs / 1_000);
    now += leakIntervalMs - 1;
    assert.equal(waitOf(1), 1);
    now += 1;
    assert.equal(waitOf(1), 0);
    assert.match(await metrics.registry.metrics(), /kinpass_rate_limited_total\{endpoint="authorization"\} 2\n/);
  });

  it('count each endpoint and each network separately', () => {
    begin(capacity);
    begin(1, '203.0.113.8');
    rates.admitNetwork('session', HOME);
  });

  it('count an IPv6 address with its /64, its /56 and its /48', () => {
    // Subnets of one household have twice the budget of one.
    begin(capacity, '2001:db8:7:1::1');
    assert.ok(waitOf(1, '2001:db8:7:1:ffff::2') > 0);
    begin(capacity, '2001:db8:7:2::1');
    assert.ok(waitOf(1, '2001:db8:7:3::1') > 0);
    // A second household of the same /48 uses the rest; a third one gets nothing.
    for (const address of ['2001:db8:7:101::1', '2001:db8:7:102::1']) begin(capacity, address);
    assert.ok(waitOf(1, '2001:db8:7:201::1') > 0);
    begin(1, '2001:db8:8:1::1');
  });

  it('count nothing if one of the networks refuses', () => {
    begin(capacity, '2001:db8:7:1::1');
    for (let i = 0; i < capacity; i += 1) waitOf(1, '2001:db8:7:1::1');
    begin(capacity, '2001:db8:7:2::1');
  });

  it('release completed requests, and never more than were counted', () => {
    begin(capacity);
    rates.releaseNetwork('authorization', HOME);
    begin(1);
    assert.ok(waitOf(1) > 0);
    rates.releaseNetwork('authorization', '203.0.113.8');
    begin(capacity, '203.0.113.8');
    assert.ok(waitOf(1, '203.0.113.8') > 0);
  });

  it('give an authenticated client a budget of its own', () => {
    for (let i = 0; i < CLIENT_POLICY.capacity; i += 1) rates.admitClient('pushed_authorization_request', 'app');
    assert.equal(
      waitAfter(() => {
        rates.admitClient('pushed_authorization_request', 'app');
      }),
      1,
    );
    rates.admitClient('pushed_authorization_request', 'other');
  });

  it('give a session a third of its person’s budget, and count neither if one refuses', () => {
    const request = (
      sessionHash: string,
      personId = 'father',
      endpoint: 'authorization' | 'account' = 'authorization',
    ) =>
      waitAfter(() => {
        rates.admitPerson(endpoint, { personId, sessionHash });
      });
    const { capacity: ofSession, leakIntervalMs: sessionMs } = SESSION_POLICY;
    for (const session of ['phone', 'tablet']) {
      for (let i = 0; i < ofSession; i += 1) assert.equal(request(session), 0);
      for (let i = 0; i < ofSession; i += 1) assert.equal(request(session), sessionMs / 1_000);
    }
    for (let i = 0; i < ofSession; i += 1) assert.equal(request('desktop'), 0, 'refused requests count nowhere');
    assert.equal(request('console'), Math.ceil(sessionMs / 3 / 1_000), 'the person');
    assert.equal(request('console', 'mother'), 0);
    assert.equal(request('console', 'father', 'account'), 0);
    begin(1);
  });

  it('give each known device a budget of its own, and all of a network together another', () => {
    const admit = (deviceId: string, address = HOME): boolean =>
      rates.admitDevice('authorization', { deviceId, address });
    const { capacity: ofDevice } = KNOWN_DEVICE_POLICY;
    const devices = KNOWN_DEVICES_POLICY.capacity / ofDevice;
    for (let i = 0; i < ofDevice; i += 1) assert.ok(admit('device 0'));
    for (let i = 0; i < ofDevice; i += 1) assert.ok(!admit('device 0'), 'refused requests count nowhere');
    assert.ok(!admit('device 0', '198.51.100.1'), 'the device itself');
    for (let at = 1; at < devices; at += 1) {
      for (let i = 0; i < ofDevice; i += 1) assert.ok(admit(`device ${String(at)}`));
    }
    assert.ok(!admit('new'), 'all devices of the network');
    assert.ok(admit('new', '198.51.100.1'));
    rates.releaseDevice('authorization', { deviceId: 'device 0', address: HOME });
    assert.ok(admit('device 0'));
    assert.ok(!admit('device 0'));
    begin(1);
  });

  it('limit new passwords of a form and of a person, and release accepted ones', () => {
    const { capacity: ofForm, leakIntervalMs: ms } = NEW_PASSWORD_POLICY;
    const admit = (formId: string, personId?: string): number | undefined =>
      rates.admitNewPassword(personId === undefined ? { formId } : { formId, personId });
    for (let i = 0; i < ofForm; i += 1) assert.equal(admit('link'), undefined);
    assert.equal(admit('link'), now + ms);
    assert.equal(admit('other link'), undefined);
    rates.releaseNewPassword({ formId: 'link' });
    assert.equal(admit('link'), undefined);
    assert.equal(admit('link'), now + ms);
    for (let form = 0; form < NEW_PASSWORD_BUDGETS_PER_PERSON; form += 1) {
      for (let i = 0; i < ofForm; i += 1) assert.equal(admit(`session ${String(form)}`, 'father'), undefined);
    }
    assert.equal(admit('new session', 'father'), now + ms / NEW_PASSWORD_BUDGETS_PER_PERSON, 'the person');
    assert.equal(admit('new session', 'mother'), undefined);
    assert.equal(admit('reset link'), undefined, 'a reset link does not count for the person');
  });

  it('limit refreshes of a grant and of a person', () => {
    const refresh = (grantHash: string, personId = 'father'): number =>
      waitAfter(() => {
        rates.admitRefresh({ grantHash, personId });
      });
    const { capacity: ofGrant, leakIntervalMs: ms } = GRANT_REFRESH_POLICY;
    const grants = PERSON_REFRESH_POLICY.capacity / ofGrant;
    for (let grant = 0; grant < grants; grant += 1) {
      for (let i = 0; i < ofGrant; i += 1) assert.equal(refresh(String(grant)), 0);
      if (grant === 0) assert.equal(refresh('0'), ms / 1_000, 'the grant');
    }
    assert.equal(refresh('new'), Math.ceil(PERSON_REFRESH_POLICY.leakIntervalMs / 1_000), 'the person');
    assert.equal(refresh('new', 'mother'), 0);
  });

  it('of refreshes do not drop the counters of networks', () => {
    start(10);
    begin(capacity);
    for (let i = 0; i < 20; i += 1) rates.admitRefresh({ grantHash: String(i), personId: String(i) });
    assert.ok(waitOf(1) > 0);
  });

  it('report whether a person or a network is limited', () => {
    const who = { personId: 'father', sessionHash: 'phone' };
    const isOfPerson = (work: () => void): boolean => {
      try {
        for (;;) work();
      } catch (error) {
        assert.ok(error instanceof RateLimitedError);
        return error.isOfPerson;
      }
    };
    assert.equal(
      isOfPerson(() => {
        rates.admitPerson('authorization', who);
      }),
      true,
    );
    assert.equal(
      isOfPerson(() => {
        begin(1);
      }),
      false,
    );
  });

  it('keep a limited number of counters, and drop the least recently used', () => {
    start(2);
    begin(capacity, '203.0.113.1');
    begin(1, '203.0.113.2');
    waitOf(1, '203.0.113.1');
    begin(1, '203.0.113.3');
    begin(1, '203.0.113.1');
  });
});
