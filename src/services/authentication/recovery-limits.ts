import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { isWindowOver } from '../../domain/throttling/refusals.ts';
import {
  registerAddressAttempt,
  registerJointAttempt,
  type LeakyBucketPolicy,
} from '../../domain/throttling/throttle.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { AuditEvent } from '../audit/audit.ts';
import {
  createNetworkCounters,
  deletePlaceholders,
  lockNetworks,
  networkDetail,
  overdueWindows,
  upsertNetworks,
} from './network-counters.ts';
import { closeWindows, recordRefusal } from './refusal-counters.ts';

/* Limits of the requests that send a mail to people who cannot sign in. */

/** Three mails per person at once, then one each half hour. */
const PERSON_POLICY: LeakyBucketPolicy = { capacity: 3, leakIntervalMs: 30 * MINUTE_MS };
/** Sixty requests per address at once, so that a school can share one, then one each minute. IPv6 networks: network.ts. */
const ADDRESS_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: MINUTE_MS };

interface RequestAdmission {
  admitted: boolean;
  /** The audit entries of refused requests. */
  events: readonly AuditEvent[];
}

type AdmitRequest = (
  tx: Transaction,
  personId: string | undefined,
  address: string,
  refusal: AuditEvent,
) => Promise<RequestAdmission>;

/** One kind of request. */
interface RecoveryKind {
  /** Start of the keys of its counters. */
  prefix: 'recovery' | 'reminder';
  /** Event that summarizes its refused requests. */
  event: string;
}

interface Deps {
  secrets: Secrets;
  clock: Clock;
}

/** Creates the limits per network and per person; the counters are locked in this order. */
export function createRecoveryAdmission({ secrets, clock }: Deps, { prefix, event }: RecoveryKind): AdmitRequest {
  const atNetworks = async (tx: Transaction, address: string, first: AuditEvent): Promise<RequestAdmission> => {
    const counters = createNetworkCounters(secrets, `${prefix}-address`, address, ADDRESS_POLICY);
    const [networks, now] = [await lockNetworks(tx, counters), clock.now()];
    const admission = registerJointAttempt(networks, now);
    if (admission.admitted) {
      await upsertNetworks(tx, counters, admission.next);
      return { admitted: true, events: await closeWindows(tx, event, overdueWindows(networks, now)) };
    }
    await deletePlaceholders(tx, networks);
    const counter = { ...admission.by, eventFields: networkDetail(admission.by) };
    return {
      admitted: false,
      events: await recordRefusal(tx, { counter, now, event, first }),
    };
  };
  const atPerson = async (tx: Transaction, personId: string, first: AuditEvent): Promise<RequestAdmission> => {
    const window = { key: `${prefix}-person:${personId}`, eventFields: { subjectId: personId } };
    const [{ state, refusals }, now] = [await throttles.readThrottleForUpdate(tx, window.key), clock.now()];
    const admission = registerAddressAttempt(state, now, PERSON_POLICY);
    if (admission.admitted) {
      await throttles.upsertThrottle(tx, window.key, admission.next);
      return {
        admitted: true,
        events: await closeWindows(tx, event, isWindowOver(refusals, now) ? [window] : []),
      };
    }
    const counter = { ...window, refusals };
    return {
      admitted: false,
      events: await recordRefusal(tx, { counter, now, event, first }),
    };
  };
  return async (tx, personId, address, refusal) => {
    const ofNetworks = await atNetworks(tx, address, refusal);
    if (!ofNetworks.admitted || personId === undefined) return ofNetworks;
    const ofPerson = await atPerson(tx, personId, refusal);
    return { admitted: ofPerson.admitted, events: [...ofNetworks.events, ...ofPerson.events] };
  };
}
