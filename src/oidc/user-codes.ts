import Provider, { errors, type AdapterPayload, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../domain/clock.ts';
import { admitAttempt, admitFromAll } from '../domain/throttle.ts';
import { USER_CODE_NETWORK_RULE, USER_CODE_RULE } from '../domain/user-codes.ts';
import { lockNetworks, networkCounters, putNetworks, removePlaceholders } from '../services/network-counters.ts';
import { hashId, type Secrets } from '../services/secrets.ts';
import type { Store } from '../store/database/index.ts';
import * as records from '../store/oidc-records.ts';
import * as throttles from '../store/throttles.ts';

/** Too many wrong user codes: this one was not looked up. The page says when to try again. */
export class UserCodeThrottledError extends errors.OIDCProviderError {
  override readonly name = 'UserCodeThrottledError';
  /** In ms. */
  readonly until: number;
  constructor(until: number) {
    super(429, 'too_many_user_codes');
    this.until = until;
  }
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
}

type Open = (record: records.FoundRecord | undefined) => AdapterPayload | undefined;

/**
 * Looks up a user code that a person typed (RFC 8628, section 5.1). The provider does so at `POST /device` only, after it has checked the
 * secret of the form. Counting, checking and looking up are one transaction, so parallel guesses count one by one.
 *
 * A wrong, expired or used code counts on the person, or on the session where no person is signed in, and on the networks of the address. A
 * right one resets the counter of the person or session.
 *
 * @throws {UserCodeThrottledError}
 */
export async function lookUpUserCode(
  { store, secrets, clock }: Deps,
  code: string,
  open: Open,
): Promise<AdapterPayload | undefined> {
  const ctx = Provider.ctx;
  if (ctx === undefined) throw new Error('a user code can only be looked up within a request');
  const own = counterOf(ctx);
  const networks = networkCounters(secrets, 'user-code-address', ctx.ip, USER_CODE_NETWORK_RULE);
  const result = await store.write(async (tx) => {
    const ofOwn = await throttles.lockThrottle(tx, own);
    const ofNetworks = await lockNetworks(tx, networks);
    const now = clock.now();
    const atOwn = admitAttempt(ofOwn.state, now, USER_CODE_RULE);
    const atNetworks = admitFromAll(ofNetworks, now);
    if (!atOwn.admitted || !atNetworks.admitted) {
      await removePlaceholders(tx, [{ key: own, ...ofOwn }, ...ofNetworks]);
      return { until: Math.max(untilOf(atOwn), untilOf(atNetworks)) };
    }
    const payload = open(await records.findRecordByUserCode(tx, 'DeviceCode', hashId(code)));
    if (isPending(payload, now)) {
      await throttles.clearThrottle(tx, own);
    } else {
      await throttles.putThrottle(tx, own, atOwn.next);
      await putNetworks(tx, networks, atNetworks.next);
    }
    return { payload };
  });
  if ('until' in result) throw new UserCodeThrottledError(result.until);
  return result.payload;
}

function counterOf({ oidc: { session } }: KoaContextWithOIDC): string {
  return session?.accountId === undefined
    ? `user-code-session:${hashId(session?.uid ?? '')}`
    : `user-code-person:${session.accountId}`;
}

function untilOf(admission: { admitted: boolean; until?: number | undefined }): number {
  return admission.until ?? 0;
}

/** Returns true if the provider accepts the code: the device still waits for an answer. */
function isPending(payload: AdapterPayload | undefined, now: number): boolean {
  if (payload === undefined || (payload.exp ?? 0) <= Math.floor(now / 1000)) return false;
  return payload.error === undefined && payload.accountId === undefined && payload.inFlight !== true;
}
