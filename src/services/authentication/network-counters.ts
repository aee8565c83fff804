import { networksOf } from '../../domain/throttling/network.ts';
import { isWindowOver } from '../../domain/throttling/refusals.ts';
import { refund, scaleRule, type AddressRule, type ThrottleState } from '../../domain/throttling/throttle.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Unit } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { RefusalWindow } from './refusal-counters.ts';

/** The counter of one network that an address belongs to. */
export interface NetworkCounter {
  key: string;
  /** An IPv4 address or an IPv6 prefix. */
  name: string;
  rule: AddressRule;
}

/** A counter as it was locked. */
export interface LockedNetwork extends NetworkCounter, throttles.Throttle {}

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
    name,
    rule: scaleRule(rule, weight),
  }));
}

/** Reads and locks the counters. The statements are sent in order and share one round trip. */
export function lockNetworks(tx: Unit, counters: readonly NetworkCounter[]): Promise<LockedNetwork[]> {
  return Promise.all(
    counters.map(async (counter) => ({ ...counter, ...(await throttles.lockThrottle(tx, counter.key)) })),
  );
}

/** What the attempts of a network have in common. Their addresses differ. */
export function aboutNetwork({ name }: NetworkCounter): Pick<AuditEvent, 'detail'> {
  return { detail: { network: name } };
}

/** The windows of refused attempts that an admitted attempt ends. A network under load admits and refuses in turns. */
export function overdueWindows(networks: readonly LockedNetwork[], now: number): RefusalWindow[] {
  return networks.flatMap((network) =>
    isWindowOver(network.refusals, now) ? [{ key: network.key, about: aboutNetwork(network) }] : [],
  );
}

/** Removes the placeholders that the locks of new counters made: refused attempts leave no rows. */
export async function removePlaceholders(
  tx: Unit,
  counters: readonly (Pick<LockedNetwork, 'key' | 'state'> | undefined)[],
): Promise<void> {
  for (const counter of counters) {
    if (counter !== undefined && counter.state === undefined) await throttles.clearThrottle(tx, counter.key);
  }
}

/** Writes the states that `admitFromAll` returned. */
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
  const networks = await lockNetworks(tx, counters);
  await putNetworks(
    tx,
    counters,
    networks.map(({ state, rule }) => refund(state, now, rule)),
  );
}
