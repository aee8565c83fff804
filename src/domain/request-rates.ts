import type { AddressRule } from './throttle.ts';

/** What can be stored without a sign-in, by where it is asked for; a label of metrics. */
export type LimitedEndpoint = 'authorization' | 'pushed_authorization_request' | 'device_authorization' | 'session';

/**
 * A school behind one address: at 8:00, 600 pupils open three apps each, which are 1,800 interactions, and every third of them is begun
 * again by "back" or "reload": 2,400. An interaction that ends with a sign-in is given back, so several schools at the same time pass too.
 * An attacker keeps at most 2,400 + 3,600 interactions of an hour, 72 MB of the largest ones.
 */
const SCHOOL: AddressRule = { capacity: 2_400, msPerDrop: 1_000 };

/** A school has about 60 screens that show a code, each a new one every 10 minutes: 6 in a minute, and two for each at the start. */
const SCREENS: AddressRule = { capacity: 120, msPerDrop: 5_000 };

/** What one network may store without a sign-in. `session`: the secret of a form that is shown to people who are not signed in. */
export const NETWORK_RULES: Readonly<Record<LimitedEndpoint, AddressRule>> = {
  authorization: SCHOOL,
  pushed_authorization_request: SCHOOL,
  device_authorization: SCREENS,
  session: SCHOOL,
};

/**
 * Interactions of one device on which somebody has signed in before. They do not count on the network, so an attacker in a school keeps
 * only new devices out: 60 at once, and one every 30 seconds.
 */
export const KNOWN_DEVICE_RULE: AddressRule = { capacity: 60, msPerDrop: 30_000 };

/** Of one authenticated client, whose servers send the requests of a whole city: 100 in a second, and 20,000 at once. */
export const CLIENT_RULE: AddressRule = { capacity: 20_000, msPerDrop: 10 };
