import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { sessionLifetime } from '../domain/sessions.ts';
import { hashId } from '../services/secrets.ts';
import * as records from '../store/oidc-records.ts';
import * as people from '../store/people.ts';
import * as sessions from '../store/sessions.ts';
import { createAdapter, saveRecord, toRecord, type AdapterDeps } from './adapter.ts';
import { gathering, overtaken } from './gather.ts';

const USER_AGENT_LENGTH = 512;

/**
 * Sessions also have a row that people can read on their account page. That row outlives the record: a request that was under
 * way while somebody ended the session can not write it back to life.
 */
export function createSessionAdapter(deps: AdapterDeps): Adapter {
  const { store, secrets, clock } = deps;
  const base = createAdapter('Session', deps);
  return {
    ...base,
    find: async (id) => living(await base.find(id), clock.now()),
    findByUid: async (uid) => living(await base.findByUid(uid), clock.now()),
    upsert: async (id, payload, expiresIn) => {
      const { uid, accountId } = payload;
      if (isEmpty(payload) && (await base.find(id)) === undefined) return;
      if (uid === undefined || accountId === undefined || expiresIn === undefined) {
        await base.upsert(id, payload, expiresIn);
        return;
      }
      const now = clock.now();
      const request = Provider.ctx?.request;
      const record = toRecord({ model: 'Session', id, payload, expiresIn, secrets, now });
      const session: sessions.NewSession = {
        sessionHash: hashId(uid),
        personId: accountId,
        userAgent: (request?.get('user-agent') ?? '').slice(0, USER_AGENT_LENGTH),
        address: request?.ip ?? '',
        remember: payload.transient !== true,
        createdAt: (payload.loginTs ?? Math.floor(now / 1000)) * 1000,
        expiresAt: now + expiresIn * 1000,
      };
      const gathered = gathering() !== undefined;
      await saveRecord(store, record, async (u) => {
        // The person was deleted while the browser still holds the session: it is nobody's, and there is nothing to save.
        if ((await people.personById(u, accountId)) === undefined) return;
        if (await sessions.putSession(u, session)) await records.putRecord(u, record);
        // What else the request wrote would outlive the session: a grant with `offline_access`.
        else if (gathered) throw overtaken();
      });
    },
  };
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
 * never be signed out. So the end is decided here, from the sign-in (standards.md: both limits are absolute).
 */
function living(payload: Awaited<ReturnType<Adapter['find']>>, now: number): AdapterPayload | undefined {
  if (payload === undefined || (payload.exp ?? Infinity) * 1000 <= now) return undefined;
  const { loginTs, transient } = payload;
  const over = loginTs !== undefined && sessionLifetime(transient !== true, loginTs * 1000, now) <= 0;
  return over ? undefined : payload;
}
