import { throttleNetworks } from '../../domain/throttling/network.ts';
import { isWindowOver } from '../../domain/throttling/refusals.ts';
import {
  releaseAddressAttempt,
  scalePolicy,
  type LeakyBucketPolicy,
  type ThrottleState,
} from '../../domain/throttling/throttle.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { RefusalWindow } from './refusal-counters.ts';

/** The counter of one network that an address belongs to. */
export interface NetworkCounter {
  key: string;
  /** An IPv4 address or an IPv6 prefix. */
  name: string;
  policy: LeakyBucketPolicy;
}

/** A counter with its state at the time of the lock. */
export interface LockedNetwork extends NetworkCounter, throttles.Throttle {}

/**
 * Creates the counters of an address in lock order (network.ts).
 *
 * @param prefix kind of counter: `address` for sign-in, `recovery-address` for reset mails
 */
export function createNetworkCounters(
  secrets: Secrets,
  prefix: string,
  address: string,
  policy: LeakyBucketPolicy,
): NetworkCounter[] {
  return throttleNetworks(address).map(({ name, weight }) => ({
    key: `${prefix}:${secrets.mac('throttle', name)}`,
    name,
    policy: scalePolicy(policy, weight),
  }));
}

/** Reads and locks the counters. The statements are sent in order and share one round trip. */
export function lockNetworks(tx: Transaction, counters: readonly NetworkCounter[]): Promise<LockedNetwork[]> {
  return Promise.all(
    counters.map(async (counter) => ({ ...counter, ...(await throttles.readThrottleForUpdate(tx, counter.key)) })),
  );
}

/** Returns the audit fields that all attempts of a network share; their addresses differ. */
export function networkDetail({ name }: NetworkCounter): Pick<AuditEvent, 'detail'> {
  return { detail: { network: name } };
}

/** Returns the refusal windows that an admitted attempt ends. A network at its limit admits and refuses alternately. */
export function overdueWindows(networks: readonly LockedNetwork[], now: number): RefusalWindow[] {
  return networks.flatMap((network) =>
    isWindowOver(network.refusals, now) ? [{ key: network.key, eventFields: networkDetail(network) }] : [],
  );
}

/** Deletes the placeholder rows of locked new counters, so that refused attempts leave no rows. */
export async function deletePlaceholders(
  tx: Transaction,
  counters: readonly (Pick<LockedNetwork, 'key' | 'state'> | undefined)[],
): Promise<void> {
  for (const counter of counters) {
    if (counter !== undefined && counter.state === undefined) await throttles.deleteThrottle(tx, counter.key);
  }
}

/** Writes the states that `registerJointAttempt` returned. */
export async function upsertNetworks(
  tx: Transaction,
  counters: readonly NetworkCounter[],
  states: readonly ThrottleState[],
): Promise<void> {
  await Promise.all(
    counters.flatMap(({ key }, at) => {
      const state = states[at];
      return state === undefined ? [] : [throttles.upsertThrottle(tx, key, state)];
    }),
  );
}

/** Releases an attempt at every network after a success, or if its password was not compared. */
export async function releaseNetworkAttempt(
  tx: Transaction,
  counters: readonly NetworkCounter[],
  now: number,
): Promise<void> {
  const networks = await lockNetworks(tx, counters);
  await upsertNetworks(
    tx,
    counters,
    networks.map(({ state, policy }) => releaseAddressAttempt(state, now, policy)),
  );
}
