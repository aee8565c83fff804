import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { MAX_SESSIONS_PER_PERSON, sessionLifetime } from '../../domain/sessions.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import * as sessions from '../../store/auth/sessions.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps } from '../deps.ts';
import { createAdapter, toRecord, type AdapterDeps } from './adapter.ts';
import { pendingWrites } from './request-transaction.ts';
import { verifiedLogin } from './verified-login.ts';

const MAX_USER_AGENT_LENGTH = 512;

type Deps = AdapterDeps & Pick<OidcDeps, 'revocation'>;

/**
 * Sessions also have a row that people can read on their account page. That row outlives the record: a request in progress while
 * the session is ended cannot write it back to life.
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
      const login = Provider.ctx?.oidc.result?.login;
      const record = toRecord({ model: 'Session', id, payload, expiresIn, secrets, now });
      const session = toRow({ sessionHash: hashId(uid), personId: accountId, payload, now, expiresIn });
      const pending = pendingWrites();
      const save = async (tx: Transaction): Promise<void> => {
        // The person was deleted while the browser still holds the session: it belongs to no account, and there is nothing to save.
        if (!(await lockOwner(tx, accountId, login))) return;
        if (await sessions.upsertSession(tx, session)) await records.upsertRecord(tx, record);
        // What else the request wrote would outlive the session: a grant with `offline_access`.
        else if (pending !== undefined) throw new ConcurrentChangeError();
        if (login !== undefined) await revokeSurplusSessions(tx, deps, accountId);
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

/** The session as its person sees it, with the browser of this request. */
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

/**
 * Locks the person of a session. A change of the password locks the same row before it lists the sessions, so either it finds this
 * one, or the sign-in is refused here.
 *
 * @param login the login result that opens the session; `undefined` when the person was signed in before
 * @returns false when the person was deleted
 * @throws {ConcurrentChangeError} when the account was disabled, or its credential changed, after the password was verified
 */
async function lockOwner(tx: Transaction, personId: string, login: unknown): Promise<boolean> {
  if (login === undefined) return (await people.lockPersonShared(tx, personId)) !== undefined;
  const verified = verifiedLogin.safeParse(login);
  const person = await people.lockPerson(tx, personId);
  if (person?.status !== 'active' || person.credentialVersion !== verified.data?.credentialVersion) {
    throw new ConcurrentChangeError();
  }
  return true;
}

/** Ends the oldest sessions beyond the limit, as if the person had ended them. Their notices wait for the next look at the outbox. */
async function revokeSurplusSessions(tx: Transaction, { revocation, clock }: Deps, personId: string): Promise<void> {
  const surplus = await sessions.listSurplusSessions(tx, personId, clock.now(), MAX_SESSIONS_PER_PERSON);
  if (surplus.length > 0) await revocation.revokeSessions(tx, personId, surplus, { keepOffline: true });
}

/**
 * Returns true for a session without a person and without a form. The provider makes one for each request whose session cookie is stale;
 * storing it would let anybody write a row with each request.
 */
function isEmpty({ accountId, state }: AdapterPayload): boolean {
  return accountId === undefined && state === undefined;
}

/**
 * The provider forgives 15 seconds, and each use writes the session anew for at least one second: whoever asks often enough would
 * never be signed out. So the end is decided here, from the sign-in (NIST SP 800-63B-4, section 2.1.3).
 */
function unexpired(payload: Awaited<ReturnType<Adapter['find']>>, now: number): AdapterPayload | undefined {
  if (payload === undefined || (payload.exp ?? Infinity) * 1000 <= now) return undefined;
  const { loginTs, transient } = payload;
  const over = loginTs !== undefined && sessionLifetime(transient !== true, loginTs * 1000, now) <= 0;
  return over ? undefined : payload;
}
