import { networksOf } from '../domain/network.ts';
import { admitFromAddress, refund, scaleRule, type AddressRule, type ThrottleState } from '../domain/throttle.ts';
import type { Unit } from '../store/database/index.ts';
import * as throttles from '../store/throttles.ts';
import type { Secrets } from './secrets.ts';

/** The counter of one network that an address belongs to. */
export interface NetworkCounter {
  key: string;
  rule: AddressRule;
}

/** The decision of several counters, and their states afterwards. `until`: the instant when all of them admit again. */
export type NetworkAdmission =
  { admitted: true; next: ThrottleState[] } | { admitted: false; until: number; refusing: NetworkCounter };

/**
 * The counters of an address, in the order in which they are locked (network.ts).
 *
 * @param prefix what is counted: `address` for sign-in, `recovery-address` for reset mails
 */
export function networkCounters(
  secrets: Secrets,
  prefix: string,
  address: string,
  rule: AddressRule,
): NetworkCounter[] {
  return networksOf(address).map(({ name, weight }) => ({
    key: `${prefix}:${secrets.mac('throttle', name)}`,
    rule: scaleRule(rule, weight),
  }));
}

/** Reads and locks the counters. The statements are sent in order and share one round trip. */
export function lockNetworks(tx: Unit, counters: readonly NetworkCounter[]): Promise<(ThrottleState | undefined)[]> {
  return Promise.all(counters.map(({ key }) => throttles.lockThrottle(tx, key)));
}

/** Returns the decision of the widest wait; an attempt is admitted when every network admits it. */
export function admitFromNetworks(
  counters: readonly NetworkCounter[],
  states: readonly (ThrottleState | undefined)[],
  now: number,
): NetworkAdmission {
  const next: ThrottleState[] = [];
  let refusal: Extract<NetworkAdmission, { admitted: false }> | undefined;
  for (const [at, counter] of counters.entries()) {
    const admission = admitFromAddress(states[at], now, counter.rule);
    next.push(admission.next);
    if (admission.admitted) continue;
    const until = admission.until ?? Infinity;
    if (refusal === undefined || until > refusal.until) refusal = { admitted: false, until, refusing: counter };
  }
  return refusal ?? { admitted: true, next };
}

/** Writes the states that `admitFromNetworks` returned. */
export async function putNetworks(
  tx: Unit,
  counters: readonly NetworkCounter[],
  states: readonly ThrottleState[],
): Promise<void> {
  await Promise.all(
    counters.flatMap(({ key }, at) => {
      const state = states[at];
      return state === undefined ? [] : [throttles.putThrottle(tx, key, state)];
    }),
  );
}

/** Gives an attempt back to every network: it succeeded, or its password was not compared. */
export async function refundNetworks(tx: Unit, counters: readonly NetworkCounter[], now: number): Promise<void> {
  const states = await lockNetworks(tx, counters);
  await putNetworks(
    tx,
    counters,
    counters.map(({ rule }, at) => refund(states[at], now, rule)),
  );
}
