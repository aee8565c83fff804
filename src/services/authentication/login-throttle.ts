import {
  ACCOUNT_POLICY,
  registerJointAttempt,
  registerKnownDeviceAttempt,
  registerUnknownDeviceAttempt,
  releaseAccountAttempt,
  warningAfter,
  type AttemptWarning,
  type CountedAttempt,
  type ThrottleState,
} from '../../domain/throttling/throttle.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';
import {
  networkDetail,
  lockNetworks,
  overdueWindows,
  releaseNetworkAttempt,
  deletePlaceholders,
  type LockedNetwork,
  type NetworkCounter,
} from './network-counters.ts';
import {
  clearCounter,
  closeWindows,
  recordRefusal,
  createSummaryEvent,
  THROTTLED,
  type RefusalWindow,
} from './refusal-counters.ts';

/*
 * Counts sign-in attempts and decides which are admitted; password-verification.ts compares the passwords. All transactions lock the counters
 * in the same order: completed sign-ins, device, login, person, networks. The statements of one round trip are sent in this order.
 *
 *     Attempt                     Counted at               Refused while
 *     known device                device, person           the device is delayed
 *     unknown device, login       login, person, networks  the login is delayed or locked, or a network is full
 *     unknown device, no login    person, networks         the person is delayed or locked, or a network is full
 *
 * - A locked device, or any device of a person with 90 failures, counts as unknown.
 * - With a typed login, the state of the person is not visible. While the person is delayed, `isOnTime` is false. While the person is
 *   locked, `canCompare` is false, and the person does not count the attempt.
 */

/** The counters of an attempt. */
export interface CounterKeys {
  /** The person that the login names. */
  personId: string | undefined;
  /** A device on which the person has signed in before. */
  device: string | undefined;
  /** The typed login; undefined on pages without a login field. */
  login: string | undefined;
  /** A login without an account has this counter too, so that it costs the same statements. */
  person: string;
  networks: readonly NetworkCounter[];
}

interface CountedFailure extends CountedAttempt {
  key: string;
}

export interface AdmittedAttempt {
  kind: 'admitted';
  /** False while the person is locked. */
  canCompare: boolean;
  /** True if the person's delay has passed: only then does a wrong password count towards closing a first password. */
  isOnTime: boolean;
  /** The attempt at the counters of the account. The first one decides about the next attempt, so its state is visible. */
  counted: readonly CountedFailure[];
  networks: readonly NetworkCounter[];
  /** Windows of refused attempts that this attempt ends. */
  windows: { account: readonly RefusalWindow[]; networks: readonly RefusalWindow[] };
}

/** `until` in ms; undefined: locked until a reset link or the IT desk unlocks the account. */
interface RefusedAttempt {
  kind: 'refused';
  until: number | undefined;
}

type AttemptAdmission = AdmittedAttempt | RefusedAttempt;

/** A counter with its state at the time of the lock. */
interface LockedCounter extends throttles.Throttle, RefusalWindow {}

interface LockedAccount {
  device: LockedCounter | undefined;
  login: LockedCounter | undefined;
  person: LockedCounter;
}

/** A decision, with the states to write or the refusing counter. */
type Decision =
  | { kind: 'admitted'; attempt: AdmittedAttempt; states: readonly { key: string; state: ThrottleState }[] }
  | { kind: 'refused'; until: number | undefined; by: LockedCounter };

async function lockAccount(tx: Transaction, { personId, device, login, person }: CounterKeys): Promise<LockedAccount> {
  const eventFields = { subjectId: personId };
  const lock = async (key: string): Promise<LockedCounter> => ({
    ...{ key, eventFields },
    ...(await throttles.readThrottleForUpdate(tx, key)),
  });
  const lockIf = (key: string | undefined): Promise<LockedCounter> | undefined =>
    key === undefined ? undefined : lock(key);
  const [ofDevice, ofLogin, ofPerson] = await Promise.all([lockIf(device), lockIf(login), lock(person)]);
  return { device: ofDevice, login: ofLogin, person: ofPerson };
}

/**
 * Counts an attempt before the comparison, so that parallel guesses count one by one.
 *
 * @param refusal creates the audit entry of a refused attempt; undefined if refused attempts have no entries
 * @returns the decision, and the audit entries that belong to the same transaction
 */
export async function countAttempt(
  tx: Transaction,
  keys: CounterKeys,
  now: number,
  refusal: ((refused: RefusedAttempt) => AuditEvent) | undefined,
): Promise<{ result: AttemptAdmission; events: AuditEvent[] }> {
  const [account, early] = await Promise.all([
    lockAccount(tx, keys),
    keys.device === undefined ? lockNetworks(tx, keys.networks) : undefined,
  ]);
  const known = decideForKnownDevice(account, now);
  const networks = known === undefined ? (early ?? (await lockNetworks(tx, keys.networks))) : [];
  const decision = known ?? decideForUnknownDevice(account, networks, now);
  if (decision.kind === 'admitted') {
    await Promise.all(decision.states.map(({ key, state }) => throttles.upsertThrottle(tx, key, state)));
    return { result: decision.attempt, events: [] };
  }
  await deletePlaceholders(tx, [account.device, account.login, account.person, ...networks]);
  const { by: counter, until } = decision;
  const refused: RefusedAttempt = { kind: 'refused', until };
  const events = await recordRefusal(tx, { counter, now, event: THROTTLED.signIn, first: refusal?.(refused) });
  return { result: refused, events };
}

/** Decides for a known device. @returns undefined if the device is unknown, or treated as unknown */
function decideForKnownDevice({ device, person }: LockedAccount, now: number): Decision | undefined {
  if (device === undefined) return undefined;
  const admission = registerKnownDeviceAttempt({ device: device.state, person: person.state }, now, ACCOUNT_POLICY);
  if (admission.kind === 'unknown') return undefined;
  if (admission.kind === 'refused') return { kind: 'refused', until: admission.until, by: device };
  const counted = [toCounted(device, admission.next.device), toCounted(person, admission.next.person)];
  const windows = { account: openWindows([device]), networks: [] };
  return {
    kind: 'admitted',
    attempt: { kind: 'admitted', canCompare: true, isOnTime: true, counted, networks: [], windows },
    states: counted.map(({ key, next }) => ({ key, state: next })),
  };
}

function decideForUnknownDevice(
  { login, person }: LockedAccount,
  networks: readonly LockedNetwork[],
  now: number,
): Decision {
  const states = { login: login?.state, person: person.state };
  const admission = registerUnknownDeviceAttempt(states, login !== undefined, now, ACCOUNT_POLICY);
  if (!admission.admitted) {
    const by = admission.by === 'login' && login !== undefined ? login : person;
    return { kind: 'refused', until: admission.until, by };
  }
  const fromNetworks = registerJointAttempt(networks, now);
  if (!fromNetworks.admitted) {
    const { until, by } = fromNetworks;
    return { kind: 'refused', until, by: { ...by, eventFields: networkDetail(by) } };
  }
  const { canCompare, isOnTime, next } = admission;
  const atLogin = login === undefined ? [] : [toCounted(login, next.login)];
  const atPerson = toCounted(person, next.person);
  const ofAccount = login === undefined ? [person] : [login, person];
  return {
    kind: 'admitted',
    attempt: {
      kind: 'admitted',
      canCompare,
      isOnTime,
      networks,
      counted: canCompare ? [...atLogin, atPerson] : atLogin,
      windows: { account: openWindows(ofAccount), networks: overdueWindows(networks, now) },
    },
    states: [
      // Writes the unchanged state of a locked person, so that every login costs the same statements.
      ...[...atLogin, atPerson].map((one) => ({ key: one.key, state: one.next })),
      ...fromNetworks.next.map((state, at) => ({ key: networks[at]?.key ?? '', state })),
    ],
  };
}

function toCounted({ key, state }: LockedCounter, next: ThrottleState): CountedFailure {
  return { key, before: state, next };
}

function openWindows(counters: readonly LockedCounter[]): RefusalWindow[] {
  return counters.filter(({ refusals }) => refusals.since !== null);
}

/** Resets the failures after a correct password. @returns the audit entries of the windows that end */
export async function resetAfterSuccess(
  tx: Transaction,
  { personId, device, login, person }: CounterKeys,
  { networks, windows }: AdmittedAttempt,
  now: number,
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const key of [device, login, person]) {
    const summary = key === undefined ? undefined : await clearCounter(tx, key);
    if (summary !== undefined) events.push(createSummaryEvent(THROTTLED.signIn, summary, { subjectId: personId }));
  }
  // `releaseNetworkAttempt` locks all networks in order, so it comes before the windows of some of them.
  await releaseNetworkAttempt(tx, networks, now);
  events.push(...(await closeWindows(tx, THROTTLED.signIn, windows.networks)));
  return events;
}

/** Returns what the person should know after a wrong attempt. A locked device counts as unknown, so it has no lock of its own. */
export function findWarning(
  { device }: CounterKeys,
  { counted: [visible] }: AdmittedAttempt,
  now: number,
): AttemptWarning | undefined {
  if (visible === undefined) return undefined;
  const isDevice = visible.key === device;
  const lockAfterFailures = isDevice ? Number.POSITIVE_INFINITY : ACCOUNT_POLICY.lockAfterFailures;
  return warningAfter(visible.next, now, { ...ACCOUNT_POLICY, lockAfterFailures });
}

/** Releases an attempt whose password was not compared because the service was busy. */
export async function releaseAttempt(
  tx: Transaction,
  { counted, networks }: AdmittedAttempt,
  now: number,
): Promise<void> {
  for (const { key, ...attempt } of counted) {
    const { state } = await throttles.readThrottleForUpdate(tx, key);
    if (state !== undefined)
      await throttles.upsertThrottle(tx, key, releaseAccountAttempt(state, attempt, ACCOUNT_POLICY));
  }
  await releaseNetworkAttempt(tx, networks, now);
}
