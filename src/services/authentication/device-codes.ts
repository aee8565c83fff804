import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { firstPoll, registerPoll, type PollState } from '../../domain/throttling/device-polls.ts';
import { registerAccountAttempt, registerJointAttempt } from '../../domain/throttling/throttle.ts';
import { USER_CODE_NETWORK_POLICY, USER_CODE_POLICY } from '../../domain/throttling/user-codes.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as records from '../../store/oidc/records.ts';
import { lockNetworks, createNetworkCounters, upsertNetworks, deletePlaceholders } from './network-counters.ts';

/** Model of the poll records. oidc-provider has no such model. They expire with their device codes. */
const POLL_MODEL = 'DevicePoll';

/** The state of a stored device code, with oidc-provider's property names. */
export interface DeviceCode {
  /** In seconds since 1970. */
  exp?: number | undefined;
  error?: string | undefined;
  accountId?: string | undefined;
  inFlight?: boolean | undefined;
}

export interface TypedUserCode<T> {
  code: string;
  address: string;
  personId: string | undefined;
  /** Session of the form. */
  sessionUid: string | undefined;
  open: (record: records.FoundRecord | undefined) => T | undefined;
}

/** With `until` (ms) the attempt was throttled, and the code was not looked up. */
type UserCodeResult<T> = { payload: T | undefined } | { until: number };

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
}

/**
 * Looks up a typed user code (RFC 8628, section 5.1). Counting and lookup share one transaction, so parallel guesses count one by one.
 *
 * A wrong, expired or used code counts for the networks of the address, and for the person, or without a sign-in for the session. A
 * correct code resets the counter of the person or session.
 */
export function lookUpUserCode<T extends DeviceCode>(
  { store, secrets, clock }: Deps,
  { code, address, personId, sessionUid, open }: TypedUserCode<T>,
): Promise<UserCodeResult<T>> {
  const own = personId === undefined ? `user-code-session:${hashId(sessionUid ?? '')}` : `user-code-person:${personId}`;
  const networks = createNetworkCounters(secrets, 'user-code-address', address, USER_CODE_NETWORK_POLICY);
  return store.write(async (tx) => {
    const ofAccount = await throttles.readThrottleForUpdate(tx, own);
    const ofNetworks = await lockNetworks(tx, networks);
    const now = clock.now();
    const atOwn = registerAccountAttempt(ofAccount.state, now, USER_CODE_POLICY);
    const atNetworks = registerJointAttempt(ofNetworks, now);
    if (!atOwn.admitted || !atNetworks.admitted) {
      await deletePlaceholders(tx, [{ key: own, ...ofAccount }, ...ofNetworks]);
      return { until: Math.max(untilOf(atOwn), untilOf(atNetworks)) };
    }
    const payload = open(await records.findRecordByUserCode(tx, 'DeviceCode', hashId(code)));
    if (isPending(payload, now)) {
      await throttles.deleteThrottle(tx, own);
    } else {
      await throttles.upsertThrottle(tx, own, atOwn.next);
      await upsertNetworks(tx, networks, atNetworks.next);
    }
    return { payload };
  });
}

function untilOf(admission: { admitted: boolean; until?: number | undefined }): number {
  return admission.until ?? 0;
}

/** Returns true if the provider accepts the code: the device still waits for approval. */
function isPending(payload: DeviceCode | undefined, now: number): boolean {
  if (payload === undefined || (payload.exp ?? 0) <= Math.floor(now / 1000)) return false;
  return payload.error === undefined && payload.accountId === undefined && payload.inFlight !== true;
}

const pollState = z.object({ intervalSeconds: z.number(), acceptedAt: z.number() });

/**
 * Records the poll of a device whose code is pending, in one record per code that all nodes share. An early poll writes nothing once the
 * interval is at its maximum.
 *
 * @param lifetimeSeconds lifetime of a device code
 * @returns the new interval in seconds if the poll is too early
 */
export function recordPoll(
  { store, clock }: Pick<Deps, 'store' | 'clock'>,
  deviceCode: string,
  lifetimeSeconds: number,
): Promise<number | undefined> {
  const idHash = hashId(deviceCode);
  return store.write(async (tx) => {
    const now = clock.now();
    const known = await records.findRecord(tx, POLL_MODEL, idHash);
    if (known === undefined && (await insertFirst(tx, idHash, now, now + lifetimeSeconds * 1000))) return undefined;
    const state = known === undefined ? firstPoll(now) : pollState.parse(JSON.parse(known.payload));
    const paced = registerPoll(state, now);
    const isStored = known === undefined || (await replaceState(tx, idHash, known.payload, paced.next));
    // A concurrent poll was stored first, so this one is too early.
    return paced.isTooEarly || !isStored ? paced.next.intervalSeconds : undefined;
  });
}

function insertFirst(tx: Transaction, idHash: string, now: number, expiresAt: number): Promise<boolean> {
  const payload = JSON.stringify(firstPoll(now));
  return records.insertRecordIfAbsent(tx, { model: POLL_MODEL, idHash, payload, expiresAt, createdAt: now });
}

/** Replaces the state. @returns false if the state is no longer `old` */
async function replaceState(tx: Transaction, idHash: string, old: string, next: PollState): Promise<boolean> {
  const payload = JSON.stringify(next);
  return payload === old || records.replacePayload(tx, POLL_MODEL, idHash, { old, next: payload });
}
