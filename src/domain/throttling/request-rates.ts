import { MINUTE_MS } from '../duration.ts';
import { scalePolicy, type LeakyBucketPolicy } from './throttle.ts';

/** The endpoints with a rate limit, because their requests store data. A label of metrics. */
export const LIMITED_ENDPOINTS = [
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'session',
  'account',
  'refresh',
  'directory_bind',
] as const;
export type LimitedEndpoint = (typeof LIMITED_ENDPOINTS)[number];

/** Limited endpoints that need no sign-in. */
export type AnonymousEndpoint = Exclude<LimitedEndpoint, 'account' | 'refresh'>;

/**
 * A school with one address: at 8:00, 600 pupils open three apps each. These are 1,800 interactions, and "back" or "reload" repeats a third
 * of them: 2,400. A completed sign-in releases its interaction, so several schools can share an address. An attacker can store at most
 * 2,400 + 3,600 interactions per hour, 72 MB at the maximum size.
 */
const SCHOOL_POLICY: LeakyBucketPolicy = { capacity: 2_400, leakIntervalMs: 1_000 };

/** A school has about 60 screens. Each requests a code every 10 minutes, 6 per minute in total, and two at the start. */
const DEVICE_SCREEN_POLICY: LeakyBucketPolicy = { capacity: 120, leakIntervalMs: 5_000 };

/** Wrong secrets of service accounts: 60 at once, then one per minute. Each is an audit entry. A correct one is refunded. */
const SERVICE_BIND_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: MINUTE_MS };

/** The limits of one network without a sign-in. `session`: sessions that hold only the CSRF secret of a form. */
export const NETWORK_POLICIES: Readonly<Record<AnonymousEndpoint, LeakyBucketPolicy>> = {
  authorization: SCHOOL_POLICY,
  pushed_authorization_request: SCHOOL_POLICY,
  device_authorization: DEVICE_SCREEN_POLICY,
  session: SCHOOL_POLICY,
  directory_bind: SERVICE_BIND_POLICY,
};

/**
 * Interactions of one device with an earlier sign-in: 60 at once, then one every 30 seconds. They do not count for the network, so an
 * attacker in a school blocks only new devices.
 */
export const KNOWN_DEVICE_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: 30_000 };

/**
 * Interactions of all known devices of one network: each sign-in without a cookie makes another known device, so one account can have any
 * number. Twice the budget of a network, because several schools can share an address. Known devices keep at most 4,800 + 7,200
 * interactions of an hour, 144 MB of the largest ones. Beyond it they count like unknown ones.
 */
export const KNOWN_DEVICES_POLICY: LeakyBucketPolicy = scalePolicy(SCHOOL_POLICY, 2);

/**
 * Requests of one session of a signed-in person. Enough for a browser that opens 50 apps in two tabs each and reloads them all, or for
 * `prompt=none` six times a minute.
 */
export const SESSION_POLICY: LeakyBucketPolicy = { capacity: 200, leakIntervalMs: 10_000 };

/**
 * The budget of one person as a multiple of the budget of one session. A family opens every app on several phones in the same minute. One
 * session, or a copy of its cookie, cannot use up the budget. A person can store at most 600 + 1,080 interactions per hour, 20 MB at the
 * maximum size.
 */
export const SESSION_BUDGETS_PER_PERSON = 3;

/**
 * Refused new passwords of one reset link, or of one session or interaction that confirmed the current password: 20 at once, then one per
 * minute. Each costs up to 50 ms of a core for the strength estimate. One that is accepted is refunded, except its check.
 */
export const NEW_PASSWORD_POLICY: LeakyBucketPolicy = { capacity: 20, leakIntervalMs: MINUTE_MS };

/** The budget of one person as a multiple of the budget of one session or interaction. One copied session cannot use it up. */
export const NEW_PASSWORD_BUDGETS_PER_PERSON = 10;

/**
 * Refreshes of one grant. Access tokens last ten minutes, so an app needs six per hour. 60 at once are enough for an app that restarts or
 * reloads often; then two per minute.
 */
export const GRANT_REFRESH_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: 30_000 };

/**
 * Refreshes of one person, ten times the budget of a grant: a family opens every app on several devices. A person can store at most
 * 600 + 28,800 consumed refresh tokens per day, about 20 MB. They are kept for 14 days.
 */
export const PERSON_REFRESH_POLICY: LeakyBucketPolicy = scalePolicy(GRANT_REFRESH_POLICY, 10);

/** Requests of one authenticated client, whose servers send those of a whole city: 20,000 at once, then 100 per second. */
export const CLIENT_POLICY: LeakyBucketPolicy = { capacity: 20_000, leakIntervalMs: 10 };
