import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { MAX_SESSIONS_PER_PERSON, sessionLifetime } from '../../domain/sessions.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import { countCompletedSignIn } from '../../services/authentication/completed-sign-ins.ts';
import { listSecondFactors } from '../../store/auth/second-factors.ts';
import * as sessions from '../../store/auth/sessions.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps } from '../deps.ts';
import { secondFactorResult } from '../session-assurance.ts';
import { createAdapter, toRecord, type AdapterDeps } from './adapter.ts';
import { pendingWrites } from './pending-writes.ts';
import { verifiedCredential } from './verified-login.ts';

const MAX_USER_AGENT_LENGTH = 512;

type Deps = AdapterDeps & Pick<OidcDeps, 'revocation'>;

/**
 * Creates the storage of sessions. A session also has a row for the account page. The row outlives the record, so a request in progress
 * cannot restore a session that was revoked or has expired.
 */
export function createSessionAdapter(deps: Deps): Adapter {
  const { store, secrets, clock } = deps;
  const base = createAdapter('Session', deps);
  return {
    ...base,
    find: async (id) => unexpired(await base.find(id), clock.now()),
    findByUid: async (uid) => unexpired(await base.findByUid(uid), clock.now()),
    upsert: async (id, payload, expiresIn) => {
      const { uid, accountId } = payload;
      if (isEmpty(payload) && (await base.find(id)) === undefined) return;
      if (uid === undefined || accountId === undefined || expiresIn === undefined) {
        await base.upsert(id, payload, expiresIn);
        return;
      }
      const now = clock.now();
      const { login, second_factor: secondFactor } = Provider.ctx?.oidc.result ?? {};
      const record = toRecord({ model: 'Session', id, payload, expiresIn, secrets, now });
      const session = toRow({ sessionHash: hashId(uid), personId: accountId, payload, now, expiresIn });
      const pending = pendingWrites();
      const save = async (tx: Transaction): Promise<void> => {
        // The person was deleted while the browser still has the session: there is nothing to save.
        if (!(await lockOwner(tx, accountId, { login, secondFactor }))) return;
        const isNew = login !== undefined && (await sessions.findSession(tx, session.sessionHash)) === undefined;
        // Reads the clock again: the session may have expired while this transaction waited for the lock.
        if (await sessions.upsertSession(tx, session, clock.now())) await records.upsertRecord(tx, record);
        // The other writes of the request must not outlive the session, for example a grant with `offline_access`.
        else if (pending !== undefined) throw new ConcurrentChangeError();
        if (login !== undefined) await revokeSurplusSessions(tx, deps, session);
        if (isNew) await countCompletedSignIn(tx, accountId, now);
      };
      if (pending === undefined) await store.write(save);
      else pending.saveRecordFirst(record, save);
    },
  };
}

interface SessionSource {
  sessionHash: string;
  personId: string;
  payload: AdapterPayload;
  now: number;
  /** Seconds. */
  expiresIn: number;
}

/** Returns the row for the account page, with the browser of this request. */
function toRow({ sessionHash, personId, payload, now, expiresIn }: SessionSource): sessions.NewSession {
  const request = Provider.ctx?.request;
  return {
    sessionHash,
    personId,
    userAgent: (request?.get('user-agent') ?? '').slice(0, MAX_USER_AGENT_LENGTH),
    address: request?.ip ?? '',
    remember: payload.transient !== true,
    createdAt: (payload.loginTs ?? Math.floor(now / 1000)) * 1000,
    expiresAt: now + expiresIn * 1000,
  };
}

/** The results of the password page and of the second-factor page; `undefined` for pages that were not shown. */
interface PageResults {
  login: unknown;
  secondFactor: unknown;
}

/**
 * Locks the person of a session. A password change locks the same row before it lists the sessions. So it finds this session, or this
 * function rejects the sign-in.
 *
 * @returns false if the person was deleted
 * @throws {ConcurrentChangeError} if the account was disabled, its credential changed, or a second factor was enrolled, after a result
 */
async function lockOwner(tx: Transaction, personId: string, { login, secondFactor }: PageResults): Promise<boolean> {
  const present = [login, secondFactor].filter((result) => result !== undefined);
  if (present.length === 0) return (await people.lockPersonShared(tx, personId)) !== undefined;
  const person = await people.lockPerson(tx, personId);
  const isCurrent = present.every(
    (result) => verifiedCredential.safeParse(result).data?.credentialVersion === person?.credentialVersion,
  );
  if (person?.status !== 'active' || !isCurrent) throw new ConcurrentChangeError();
  const hasSecondFactor = secondFactorResult.safeParse(secondFactor).data?.personId === personId;
  if (login !== undefined && !hasSecondFactor && (await listSecondFactors(tx, personId)).length > 0) {
    throw new ConcurrentChangeError();
  }
  return true;
}

/**
 * Revokes the oldest other sessions beyond the limit, as on the account page. The outbox sends the logout notices later. The new session can
 * be older than the others: its time is that of the password, and the second factor or a limit can delay it.
 */
async function revokeSurplusSessions(
  tx: Transaction,
  { revocation, clock }: Deps,
  { personId, sessionHash }: sessions.NewSession,
): Promise<void> {
  const limit = MAX_SESSIONS_PER_PERSON - 1;
  const surplus = await sessions.listSurplusSessions(tx, { personId, except: sessionHash, now: clock.now(), limit });
  if (surplus.length > 0) await revocation.revokeSessions(tx, personId, surplus, { keepOffline: true });
}

/**
 * Returns true for a session without a person and without a form secret. The provider creates one for each request with a stale session
 * cookie. If it were stored, each such request would write a row.
 */
function isEmpty({ accountId, state }: AdapterPayload): boolean {
  return accountId === undefined && state === undefined;
}

/**
 * Returns the session unless it has expired. The provider tolerates 15 seconds, and each use renews the session for at least one second, so
 * frequent requests would never expire. The lifetime counts from the sign-in (NIST SP 800-63B-4, section 2.1.3).
 */
function unexpired(payload: Awaited<ReturnType<Adapter['find']>>, now: number): AdapterPayload | undefined {
  if (payload === undefined || (payload.exp ?? Infinity) * 1000 <= now) return undefined;
  const { loginTs, transient } = payload;
  const isOver = loginTs !== undefined && sessionLifetime(transient !== true, loginTs * 1000, now) <= 0;
  return isOver ? undefined : payload;
}
