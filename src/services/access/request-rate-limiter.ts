import type { Clock } from '../../domain/clock.ts';
import { throttleNetworks } from '../../domain/throttling/network.ts';
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
  SESSION_BUDGETS_PER_PERSON,
  type AnonymousEndpoint,
  type LimitedEndpoint,
} from '../../domain/throttling/request-rates.ts';
import {
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
 * Limits the requests that store data. Each node counts in memory: a counter in the database would itself be a row that an unauthenticated
 * request writes.
 */
export interface RequestRateLimiter {
  /** Counts a request for every network of the address. @throws {RateLimitedError} if one is over its limit; counts nothing then */
  admitNetwork(endpoint: AnonymousEndpoint, address: string): void;
  /**
   * Counts a request for a known device and for all known devices of its networks.
   *
   * @returns false if one is over its limit; counts nothing then, and the caller counts the network
   */
  admitDevice(endpoint: AnonymousEndpoint, device: KnownDevice): boolean;
  /** Counts a request of an authenticated client. @throws {RateLimitedError} */
  admitClient(endpoint: AnonymousEndpoint, clientId: string): void;
  /** Counts a request for the session and for the person. @throws {RateLimitedError} if one is over its limit; counts nothing then */
  admitPerson(endpoint: LimitedEndpoint, person: SignedInPerson): void;
  /**
   * Counts a new password for its form and for the person, if there is one.
   *
   * @returns undefined if it is admitted; otherwise ms since 1970 of the next admitted one, and counts nothing
   */
  admitNewPassword(source: NewPasswordSource): number | undefined;
  /** Releases a new password that was accepted. */
  releaseNewPassword(source: NewPasswordSource): void;
  /** Counts a refresh for the grant and for its person. @throws {RateLimitedError} if one is over its limit; counts nothing then */
  admitRefresh(grant: RefreshedGrant): void;
  /** Releases a counted request whose stored data was deleted on completion. */
  releaseNetwork(endpoint: AnonymousEndpoint, address: string): void;
  /** Releases a request that `admitDevice` counted. */
  releaseDevice(endpoint: AnonymousEndpoint, device: KnownDevice): void;
}

interface KnownDevice {
  deviceId: string;
  address: string;
}

export interface SignedInPerson {
  personId: string;
  sessionHash: string;
}

interface NewPasswordSource {
  /** Unique id of the reset link, session or interaction of the form. */
  formId: string;
  /** Undefined for a reset link: the holder of a stolen password must not be able to use up its budget. */
  personId?: string;
}

interface RefreshedGrant {
  grantHash: string;
  personId: string;
}

/** Counters of one set in memory, about 200 bytes each. Beyond this number the least recently used counter is dropped. */
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

interface CounterSet {
  /** @returns undefined if every counter admitted the request; otherwise the time when they admit it, and counts nothing */
  count(counters: readonly Counter[], now: number): number | undefined;
  release(counters: readonly Counter[], now: number): void;
}

function createCounterSet(maxCounters: number): CounterSet {
  /** Ordered by last use, oldest first. */
  const states = new Map<string, ThrottleState>();
  const put = (key: string, state: ThrottleState): void => {
    states.delete(key);
    states.set(key, state);
    const [oldest] = states.keys();
    if (states.size > maxCounters && oldest !== undefined) states.delete(oldest);
  };
  return {
    count: (counters, now) => {
      const admission = registerJointAttempt(
        counters.map((counter) => ({ ...counter, state: states.get(counter.key) })),
        now,
      );
      if (!admission.admitted) return admission.until;
      for (const [at, next] of admission.next.entries()) put(counters[at]?.key ?? '', next);
      return undefined;
    },
    release: (counters, now) => {
      for (const { key, policy } of counters) {
        const state = states.get(key);
        if (state !== undefined) put(key, releaseAddressAttempt(state, now, policy));
      }
    },
  };
}

export function createRequestRateLimiter(deps: Deps): RequestRateLimiter {
  const { clock, log, metrics, maxCounters = MAX_COUNTERS } = deps;
  const requests = createCounterSet(maxCounters);
  // The refreshes of a city must not drop the counters of networks.
  const refreshes = createCounterSet(maxCounters);
  const admit = (endpoint: LimitedEndpoint, counters: readonly Counter[], isOfPerson = false): void => {
    const now = clock.now();
    const set = endpoint === 'refresh' ? refreshes : requests;
    const until = set.count(counters, now);
    if (until !== undefined) {
      runBestEffort({ log, metrics }, 'metrics', () => {
        metrics.rateLimited.inc({ endpoint });
      });
      throw new RateLimitedError(until - now, isOfPerson);
    }
  };
  return {
    admitNetwork: (endpoint, address) => {
      admit(endpoint, createNetworkCounters(endpoint, address));
    },
    admitDevice: (endpoint, device) =>
      requests.count(createDeviceCounters(endpoint, device), clock.now()) === undefined,
    admitClient: (endpoint, clientId) => {
      admit(endpoint, [{ key: `${endpoint} client ${clientId}`, policy: CLIENT_POLICY }]);
    },
    admitPerson: (endpoint, person) => {
      admit(endpoint, createPersonCounters(endpoint, person), true);
    },
    admitNewPassword: (source) => requests.count(createNewPasswordCounters(source), clock.now()),
    releaseNewPassword: (source) => {
      requests.release(createNewPasswordCounters(source), clock.now());
    },
    admitRefresh: (grant) => {
      admit('refresh', createRefreshCounters(grant), true);
    },
    releaseNetwork: (endpoint, address) => {
      requests.release(createNetworkCounters(endpoint, address), clock.now());
    },
    releaseDevice: (endpoint, device) => {
      requests.release(createDeviceCounters(endpoint, device), clock.now());
    },
  };
}

function createDeviceCounters(endpoint: AnonymousEndpoint, { deviceId, address }: KnownDevice): Counter[] {
  const ofNetworks = throttleNetworks(address).map(({ name, weight }) => ({
    key: `${endpoint} known devices ${name}`,
    policy: scalePolicy(KNOWN_DEVICES_POLICY, weight),
  }));
  return [{ key: `${endpoint} device ${deviceId}`, policy: KNOWN_DEVICE_POLICY }, ...ofNetworks];
}

function createNewPasswordCounters({ formId, personId }: NewPasswordSource): Counter[] {
  const ofForm = { key: `new-password ${formId}`, policy: NEW_PASSWORD_POLICY };
  if (personId === undefined) return [ofForm];
  const policy = scalePolicy(NEW_PASSWORD_POLICY, NEW_PASSWORD_BUDGETS_PER_PERSON);
  return [ofForm, { key: `new-password person ${personId}`, policy }];
}

function createPersonCounters(endpoint: LimitedEndpoint, { personId, sessionHash }: SignedInPerson): Counter[] {
  return [
    { key: `${endpoint} session ${sessionHash}`, policy: SESSION_POLICY },
    { key: `${endpoint} person ${personId}`, policy: scalePolicy(SESSION_POLICY, SESSION_BUDGETS_PER_PERSON) },
  ];
}

function createRefreshCounters({ grantHash, personId }: RefreshedGrant): Counter[] {
  return [
    { key: `grant ${grantHash}`, policy: GRANT_REFRESH_POLICY },
    { key: `person ${personId}`, policy: PERSON_REFRESH_POLICY },
  ];
}

function createNetworkCounters(endpoint: AnonymousEndpoint, address: string): Counter[] {
  return throttleNetworks(address).map(({ name, weight }) => ({
    key: `${endpoint} network ${name}`,
    policy: scalePolicy(NETWORK_POLICIES[endpoint], weight),
  }));
}
