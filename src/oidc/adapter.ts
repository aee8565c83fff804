import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { openPayload, sealPayload } from '../services/oidc-payload.ts';
import { hashId, type Secrets } from '../services/secrets.ts';
import type { Store, Unit } from '../store/database/index.ts';
import * as grants from '../store/grants.ts';
import * as records from '../store/oidc-records.ts';
import { rememberRedeemed } from './redeemed.ts';

export interface AdapterDeps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
}

const body = z.looseObject({});

/**
 * How the provider's records lie in the database: looked up by real columns, found by hashes only, the body sealed.
 *
 * @see https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js the interface
 */
export function createAdapter(model: string, { store, secrets, clock }: AdapterDeps): Adapter {
  const open = (record: records.OidcRecord | undefined): AdapterPayload | undefined => {
    if (record === undefined) return undefined;
    const payload: AdapterPayload = body.parse(openPayload(secrets, record));
    return record.consumedAt === null ? payload : { ...payload, consumed: Math.floor(record.consumedAt / 1000) };
  };
  return {
    upsert: async (id, payload, expiresIn) => {
      const record = toRecord({ model, id, payload, expiresIn, secrets, now: clock.now() });
      await store.write((u) => records.putRecord(u, record));
    },
    find: async (id) => open(await store.read((u) => records.findRecord(u, model, hashId(id)))),
    findByUid: async (uid) => open(await store.read((u) => records.findRecordByUid(u, model, hashId(uid)))),
    findByUserCode: async (code) => open(await store.read((u) => records.findRecordByUserCode(u, model, hashId(code)))),
    consume: async (id) => {
      const idHash = hashId(id);
      const { first, grantHash, grant } = await store.write((u) => consumeOnce(u, model, idHash, clock.now()));
      if (first) {
        if (grant !== undefined) rememberRedeemed(grant);
        return;
      }
      // In a unit of its own: who lost the race still holds the row of the code, and others wait for it.
      if (grantHash !== undefined) await store.write((u) => grants.endGrant(u, grantHash));
      throw model === 'PushedAuthorizationRequest'
        ? new errors.InvalidRequestUri('request_uri was already used')
        : new errors.InvalidGrant('already used');
    },
    destroy: async (id) => {
      await store.write((u) => records.destroyRecord(u, model, hashId(id)));
    },
    revokeByGrantId: (grantId) => store.write((u) => grants.endGrant(u, hashId(grantId))),
  };
}

interface Consumed {
  first: boolean;
  grantHash: string | undefined;
  grant: grants.GrantRow | undefined;
}

/**
 * A code or refresh token is used once, even when two nodes redeem it in the same moment: the condition is part of the
 * update. The second use takes away what the first one gave (RFC 6749 10.5, RFC 9700 4.14.2).
 */
async function consumeOnce(u: Unit, model: string, idHash: string, now: number): Promise<Consumed> {
  const first = await records.consumeRecord(u, model, idHash, now);
  const grantHash = (await records.findRecord(u, model, idHash))?.grantHash ?? undefined;
  const grant = first && grantHash !== undefined ? await grants.grantByHash(u, grantHash) : undefined;
  return { first, grantHash, grant };
}

interface RecordInput extends Pick<AdapterDeps, 'secrets'> {
  model: string;
  id: string;
  payload: AdapterPayload;
  /** Seconds; absent for records that never expire. */
  expiresIn: number | undefined;
  now: number;
}

export function toRecord({ model, id, payload, expiresIn, secrets, now }: RecordInput): records.NewOidcRecord {
  const idHash = hashId(id);
  const hashOf = (value: string | undefined): string | null => (value === undefined ? null : hashId(value));
  return {
    model,
    idHash,
    uidHash: hashOf(payload.uid),
    userCodeHash: hashOf(payload.userCode),
    grantHash: hashOf(payload.grantId),
    // A sign-in that waits to be taken up belongs to its person too: it must end with the sessions.
    accountId: payload.accountId ?? payload.result?.login?.accountId ?? null,
    clientId: payload.clientId ?? null,
    payload: sealPayload(secrets, model, idHash, payload),
    expiresAt: expiresIn === undefined ? null : now + expiresIn * 1000,
    createdAt: now,
  };
}
