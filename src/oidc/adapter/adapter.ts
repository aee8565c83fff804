import Provider, { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { openPayload, sealPayload } from '../../platform/crypto/sealed-payload.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { currentSignInId, joinSignIn } from '../../platform/request-id.ts';
import { revokeGrant, revokeReused } from '../../services/access/grant-revocation.ts';
import type { Audit } from '../../services/audit/audit.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as records from '../../store/oidc/records.ts';
import { currentBrowserHash, isOfCurrentBrowser } from './browser-binding.ts';
import { loadGrantWithSession } from './grant-lookup.ts';
import { pendingWrites, writeOrDefer } from './pending-writes.ts';
import { consumeOnce } from './request-transaction.ts';
import { findReuseFields, findReuseReason } from './token-reuse.ts';
import { findByUserCode } from './user-codes.ts';

export interface AdapterDeps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  audit: Audit;
  log: Logger;
}

const body = z.looseObject({});

/** The records that lead from the first request of a sign-in to its tokens. Each stores the id of the sign-in, for the log. */
const SIGN_IN_MODELS: ReadonlySet<string> = new Set([
  'PushedAuthorizationRequest',
  'Interaction',
  'DeviceCode',
  'AuthorizationCode',
  'RefreshToken',
]);
const ofSignIn = z.looseObject({ signInId: z.string() });

/**
 * Creates the storage of one model of the provider. Ids are stored as hashes, lookups use columns, and the payload is encrypted.
 *
 * @see https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js the interface
 */
export function createAdapter(model: string, deps: AdapterDeps): Adapter {
  const { store, secrets, clock } = deps;
  const open = (record: records.FoundRecord | records.NewOidcRecord | undefined): AdapterPayload | undefined => {
    if (record === undefined) return undefined;
    if (model === 'Interaction' && !isOfCurrentBrowser(record)) return undefined;
    const payload: AdapterPayload = body.parse(openPayload(secrets, model, record));
    const known = SIGN_IN_MODELS.has(model) ? ofSignIn.safeParse(payload) : undefined;
    if (known?.success === true) joinSignIn(known.data.signInId);
    // A use extends the column only.
    if (model === 'RefreshToken' && typeof record.expiresAt === 'number')
      payload.exp = Math.floor(record.expiresAt / 1000);
    return !('consumedAt' in record) || record.consumedAt === null
      ? payload
      : { ...payload, consumed: Math.floor(record.consumedAt / 1000) };
  };
  const find = async (idHash: string): Promise<AdapterPayload | undefined> => {
    const unsaved = pendingWrites()?.find(model, idHash);
    if (unsaved === null) return undefined;
    if (unsaved !== undefined) return open(unsaved);
    if (model === 'Grant') return open((await loadGrantWithSession(store, idHash))?.record ?? undefined);
    return open(await store.read((tx) => records.findRecord(tx, model, idHash)));
  };
  return {
    upsert: async (id, payload, expiresIn) => {
      const stored = SIGN_IN_MODELS.has(model) ? { ...payload, signInId: currentSignInId() } : payload;
      const record = toRecord({ model, id, payload: stored, expiresIn, secrets, now: clock.now() });
      await saveRecord(store, record, async (tx) => {
        if (model === 'DeviceCode') assertUnanswered(open(await records.lockRecord(tx, model, record.idHash)), payload);
        await records.upsertRecord(tx, record);
      });
    },
    find: (id) => find(hashId(id)),
    findByUid: async (uid) => open(await store.read((tx) => records.findRecordByUid(tx, model, hashId(uid)))),
    findByUserCode: (code) => findByUserCode(deps, code, open),
    consume: async (id) => {
      // A pushed request is consumed at once; a code or a refresh token in the transaction that stores the new tokens.
      if (model === 'PushedAuthorizationRequest') await consumePushedRequest(store, model, id, clock.now());
      else {
        const idHash = hashId(id);
        const kept = findReuseFields(model, id);
        const payload = kept && sealPayload(secrets, model, idHash, kept);
        await writeOrDefer(store, (tx) => consumeOnce(tx, model, idHash, { now: clock.now(), payload }));
      }
    },
    destroy: async (id) => {
      const idHash = hashId(id);
      const destroy = (tx: Transaction): Promise<boolean> => records.destroyRecord(tx, model, idHash);
      const pending = pendingWrites();
      if (pending === undefined) await store.write(destroy);
      else
        pending.destroyRecord(
          model,
          idHash,
          model === 'Interaction' ? (tx) => assertInteractionDestroyed(destroy(tx)) : destroy,
        );
    },
    revokeByGrantId: (grantId) => revokeByGrant(deps, hashId(grantId)),
  };
}

/** Revokes a grant. At the token endpoint the reason is always reuse; elsewhere it is a sign-out, or the client requests it. */
async function revokeByGrant(deps: AdapterDeps, grantHash: string): Promise<void> {
  const ctx = Provider.ctx;
  const reason = ctx && findReuseReason(ctx);
  if (reason === undefined) await revokeGrant(deps.store, grantHash);
  else await revokeReused(deps, { grantHash, reason, address: ctx?.ip ?? '' });
}

/** Saves a record: with the other writes of the request, or at once if the request collects none. */
export async function saveRecord(
  store: Store,
  record: records.NewOidcRecord,
  save: (tx: Transaction) => Promise<unknown>,
): Promise<void> {
  const pending = pendingWrites();
  if (pending === undefined) await store.write(save);
  else pending.saveRecord(record, save);
}

/**
 * Checks that no concurrent request has approved, denied or claimed the device code. The provider reads the code only at the start of
 * its request.
 *
 * @throws {ConcurrentChangeError}
 */
function assertUnanswered(stored: AdapterPayload | undefined, next: AdapterPayload): void {
  const isAnswered = stored?.accountId !== undefined || stored?.error !== undefined;
  const isAnswer = next.accountId !== undefined || next.error !== undefined;
  if (isAnswered || (stored?.inFlight === true && !isAnswer)) throw new ConcurrentChangeError();
}

/** Checks that the interaction still existed: it signs in once, and not after its sessions were revoked. */
async function assertInteractionDestroyed(destroyed: Promise<boolean>): Promise<void> {
  if (!(await destroyed)) throw new ConcurrentChangeError();
}

/** Consumes a pushed request once, also if two nodes do it at the same moment (RFC 9126, section 4). */
async function consumePushedRequest(store: Store, model: string, id: string, now: number): Promise<void> {
  if (await store.write((tx) => records.consumeRecord(tx, model, hashId(id), now))) return;
  throw new errors.InvalidRequestUri('request_uri was already used');
}

function findRequestingClient({ params }: AdapterPayload): string | undefined {
  const clientId = params?.['client_id'];
  return typeof clientId === 'string' ? clientId : undefined;
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
    // The person of an interaction signs in or is signed in. The interaction is revoked with the sessions and with the access of its app.
    accountId: payload.accountId ?? payload.result?.login?.accountId ?? payload.session?.accountId ?? null,
    clientId: payload.clientId ?? findRequestingClient(payload) ?? null,
    browserHash: model === 'Interaction' ? currentBrowserHash() : null,
    payload: sealPayload(secrets, model, idHash, payload),
    expiresAt: expiresIn === undefined ? null : now + expiresIn * 1000,
    createdAt: now,
  };
}
