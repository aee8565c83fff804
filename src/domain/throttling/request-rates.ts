import type { LeakyBucketPolicy } from './throttle.ts';

/** The requests that are limited because they store something, by where they arrive; a label of metrics. */
export type LimitedEndpoint =
  'authorization' | 'pushed_authorization_request' | 'device_authorization' | 'session' | 'account';

/** Without a sign-in. */
export type AnonymousEndpoint = Exclude<LimitedEndpoint, 'account'>;

/**
 * A school behind one address: at 8:00, 600 pupils open three apps each, which are 1,800 interactions, and every third of them is begun
 * again by "back" or "reload": 2,400. An interaction that ends with a sign-in is given back, so several schools at the same time pass too.
 * An attacker keeps at most 2,400 + 3,600 interactions of an hour, 72 MB of the largest ones.
 */
const SCHOOL_POLICY: LeakyBucketPolicy = { capacity: 2_400, leakIntervalMs: 1_000 };

/** A school has about 60 screens that show a code, each a new one every 10 minutes: 6 in a minute, and two for each at the start. */
const DEVICE_SCREEN_POLICY: LeakyBucketPolicy = { capacity: 120, leakIntervalMs: 5_000 };

/** What one network may store without a sign-in. `session`: the secret of a form that is shown to people who are not signed in. */
export const NETWORK_POLICIES: Readonly<Record<AnonymousEndpoint, LeakyBucketPolicy>> = {
  authorization: SCHOOL_POLICY,
  pushed_authorization_request: SCHOOL_POLICY,
  device_authorization: DEVICE_SCREEN_POLICY,
  session: SCHOOL_POLICY,
};

/**
 * Interactions of one device on which somebody has signed in before. They do not count on the network, so an attacker in a school keeps
 * only new devices out: 60 at once, and one every 30 seconds.
 */
export const KNOWN_DEVICE_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: 30_000 };

/**
 * Requests of one session of a signed-in person: a browser that opens 50 apps in two tabs each and reloads them all, or whose apps ask with
 * `prompt=none` six times a minute.
 */
export const SESSION_RULE: LeakyBucketPolicy = { capacity: 200, leakIntervalMs: 10_000 };

/**
 * How many times the budget of one session a person has: a family that opens every app on several phones in the same minute. One session,
 * or a copy of its cookie, leaves room for the others. A person keeps at most 600 + 1,080 interactions of an hour, 20 MB of the largest ones.
 */
export const SESSION_BUDGETS_PER_PERSON = 3;

/** Of one authenticated client, whose servers send the requests of a whole city: 100 in a second, and 20,000 at once. */
export const CLIENT_POLICY: LeakyBucketPolicy = { capacity: 20_000, leakIntervalMs: 10 };
