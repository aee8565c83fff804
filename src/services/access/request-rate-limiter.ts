import type { Clock } from '../../domain/clock.ts';
import { throttleNetworks } from '../../domain/throttling/network.ts';
import {
  CLIENT_POLICY,
  KNOWN_DEVICE_POLICY,
  NETWORK_POLICIES,
  SESSION_RULE,
  SESSION_BUDGETS_PER_PERSON,
  type AnonymousEndpoint,
  type LimitedEndpoint,
} from '../../domain/throttling/request-rates.ts';
import {
  registerAddressAttempt,
  registerJointAttempt,
  releaseAddressAttempt,
  scalePolicy,
  type LeakyBucketPolicy,
  type ThrottleState,
} from '../../domain/throttling/throttle.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import { RateLimitedError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';

/**
 * Limits the requests that store something. The counters are in memory, one set for each node: a counter in the database would itself be
 * a row that an unauthenticated request writes.
 */
export interface RequestRateLimiter {
  /** Counts a request on every network of the address. @throws {RateLimitedError} and counts nothing when one of them refuses */
  admitNetwork(endpoint: AnonymousEndpoint, address: string): void;
  /** Counts a request of a known device. @returns false when its budget is used, and counts nothing then: the network decides */
  admitDevice(endpoint: AnonymousEndpoint, deviceId: string): boolean;
  /** Counts a request of an authenticated client. @throws {RateLimitedError} */
  admitClient(endpoint: AnonymousEndpoint, clientId: string): void;
  /** Counts a request of a signed-in person, on the session and on the person. @throws {RateLimitedError} and counts nothing then */
  admitPerson(endpoint: LimitedEndpoint, who: SignedInPerson): void;
  /** Gives a request back that was completed: what it stored is gone. */
  releaseNetwork(endpoint: AnonymousEndpoint, address: string): void;
}

export interface SignedInPerson {
  personId: string;
  sessionHash: string;
}

/** About 200 bytes each. Beyond it the counter that was not used for the longest time is dropped. */
const MAX_COUNTERS = 20_000;

interface Deps {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  maxCounters?: number | undefined;
}

interface Counter {
  key: string;
  policy: LeakyBucketPolicy;
}

export function createRequestRateLimiter({
  clock,
  log,
  metrics,
  maxCounters = MAX_COUNTERS,
}: Deps): RequestRateLimiter {
  /** Least recently used first. */
  const states = new Map<string, ThrottleState>();
  const put = (key: string, state: ThrottleState): void => {
    states.delete(key);
    states.set(key, state);
    const [oldest] = states.keys();
    if (states.size > maxCounters && oldest !== undefined) states.delete(oldest);
  };
  const admit = (endpoint: LimitedEndpoint, counters: readonly Counter[], isOfPerson = false): void => {
    const now = clock.now();
    const admission = registerJointAttempt(
      counters.map((counter) => ({ ...counter, state: states.get(counter.key) })),
      now,
    );
    if (!admission.admitted) {
      runBestEffort({ log, metrics }, 'metrics', () => {
        metrics.rateLimited.inc({ endpoint });
      });
      throw new RateLimitedError(admission.until - now, isOfPerson);
    }
    for (const [at, next] of admission.next.entries()) put(counters[at]?.key ?? '', next);
  };
  return {
    admitNetwork: (endpoint, address) => {
      admit(endpoint, createNetworkCounters(endpoint, address));
    },
    admitDevice: (endpoint, deviceId) => {
      const key = `${endpoint} device ${deviceId}`;
      const admission = registerAddressAttempt(states.get(key), clock.now(), KNOWN_DEVICE_POLICY);
      if (admission.admitted) put(key, admission.next);
      return admission.admitted;
    },
    admitClient: (endpoint, clientId) => {
      admit(endpoint, [{ key: `${endpoint} client ${clientId}`, policy: CLIENT_POLICY }]);
    },
    admitPerson: (endpoint, who) => {
      admit(endpoint, personCounters(endpoint, who), true);
    },
    releaseNetwork: (endpoint, address) => {
      for (const { key, policy } of createNetworkCounters(endpoint, address)) {
        const state = states.get(key);
        if (state !== undefined) put(key, releaseAddressAttempt(state, clock.now(), policy));
      }
    },
  };
}

function personCounters(endpoint: LimitedEndpoint, { personId, sessionHash }: SignedInPerson): Counter[] {
  return [
    { key: `${endpoint} session ${sessionHash}`, policy: SESSION_RULE },
    { key: `${endpoint} person ${personId}`, policy: scalePolicy(SESSION_RULE, SESSION_BUDGETS_PER_PERSON) },
  ];
}

function createNetworkCounters(endpoint: AnonymousEndpoint, address: string): Counter[] {
  return throttleNetworks(address).map(({ name, weight }) => ({
    key: `${endpoint} network ${name}`,
    policy: scalePolicy(NETWORK_POLICIES[endpoint], weight),
  }));
}
