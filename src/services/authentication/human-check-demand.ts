import type { Clock } from '../../domain/clock.ts';
import { MAX_LOGIN_LENGTH, parseLogin, type Login } from '../../domain/credentials/identifiers.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { throttleNetworks } from '../../domain/throttling/network.ts';
import { registerAddressAttempt, scalePolicy, type ThrottleState } from '../../domain/throttling/throttle.ts';
import { readThrottle } from '../../store/auth/throttles.ts';
import type { Store } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { CheckedForm } from './human-check.ts';
import type { KnownDevices } from './known-devices.ts';
import { loginKey } from './login-keys.ts';

/** A form that asks for the human check after repeated failures. */
export interface CheckedAttempt {
  form: Exclude<CheckedForm, 'forgot-account' | 'school-sign-in'>;
  /** As typed; empty before the person has typed it. */
  login: string;
  address: string;
  /** The token of the device (known-devices.ts). */
  device: string | undefined;
}

/**
 * Decides when sign-in and password reset ask for the human check: after repeated failures under one login, or in one network. Each node
 * counts in memory, because the limits that stop guessing are in the database (login-throttle.ts). A login without an account counts too.
 */
export interface HumanCheckDemand {
  /** Returns true if the attempt needs the check. Devices on which the person has signed in before never do, so a school is not slowed. */
  isRequired(attempt: CheckedAttempt): Promise<boolean>;
  /** Returns true if the attempt will be refused without a comparison, and the page says until when. */
  isDelayed(login: string): Promise<boolean>;
  /** Counts a failed sign-in, or a request for a reset link. */
  count(attempt: CheckedAttempt): void;
  /** Forgets the failures under a login after a success. */
  clear(attempt: CheckedAttempt): void;
}

/** Time until one failure is forgotten. A network has many people, so its failures are forgotten sooner. */
const LEAK_MS = { login: 10 * MINUTE_MS, network: MINUTE_MS } as const;
/** Counters in memory, about 200 bytes each. Beyond this number the least recently used one is dropped. */
const MAX_COUNTERS = 20_000;

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  knownDevices: KnownDevices;
  /** Failures after which the check is required. */
  failures: number;
}

interface Counter {
  key: string;
  policy: { capacity: number; leakIntervalMs: number };
}

export function createHumanCheckDemand(deps: Deps): HumanCheckDemand {
  const { store, clock, secrets, knownDevices, failures } = deps;
  /** Ordered by last use, oldest first. */
  const states = new Map<string, ThrottleState>();
  const attempt = ({ key, policy }: Counter) => registerAddressAttempt(states.get(key), clock.now(), policy);
  const countAt = (counter: Counter): void => {
    const { next } = attempt(counter);
    states.delete(counter.key);
    states.set(counter.key, next);
    const [oldest] = states.keys();
    if (states.size > MAX_COUNTERS && oldest !== undefined) states.delete(oldest);
  };
  const ofLogin = ({ form, login }: CheckedAttempt): Counter => {
    const policy = { capacity: failures, leakIntervalMs: LEAK_MS.login };
    return { key: `${form} ${loginKey(secrets, toLogin(login))}`, policy };
  };
  const ofNetworks = ({ form, address }: CheckedAttempt): Counter[] =>
    throttleNetworks(address).map(({ name, weight }) => ({
      key: `${form} network ${name}`,
      policy: scalePolicy({ capacity: failures, leakIntervalMs: LEAK_MS.network }, weight),
    }));
  const isKnownDevice = async ({ login: typed, device }: CheckedAttempt): Promise<boolean> => {
    if (device === undefined) return false;
    // Before the login is typed, the page shows no check to a browser of any person. The form then asks for it.
    if (typed === '') return knownDevices.findDeviceId(device) !== undefined;
    const login = toLogin(typed);
    if (login.kind === 'other') return false;
    const { kind, value } = login;
    const personId = await store.read((tx) => people.findActivePersonIdByIdentifier(tx, kind, value));
    return knownDevices.findCounterKey(device, personId) !== undefined;
  };
  return {
    isRequired: async (one) => {
      const counters = one.login === '' ? ofNetworks(one) : [ofLogin(one), ...ofNetworks(one)];
      return counters.some((counter) => !attempt(counter).admitted) && !(await isKnownDevice(one));
    },
    isDelayed: async (login) => {
      const state = await store.read((tx) => readThrottle(tx, loginKey(secrets, toLogin(login))));
      return state !== undefined && state.blockedUntil > clock.now();
    },
    count: (one) => {
      for (const counter of [ofLogin(one), ...ofNetworks(one)]) countAt(counter);
    },
    clear: (one) => {
      states.delete(ofLogin(one).key);
    },
  };
}

function toLogin(typed: string): Login | { kind: 'other'; value: string } {
  return parseLogin(typed) ?? { kind: 'other', value: typed.slice(0, MAX_LOGIN_LENGTH) };
}
