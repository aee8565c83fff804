import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Middleware } from 'koa';
import Provider, { errors } from 'oidc-provider';
import { z } from 'zod';
import { hashId } from '../../platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import { revokeReused, type ReuseDeps } from '../../services/access/grant-revocation.ts';
import type { AuditEvent } from '../../services/audit/audit.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as records from '../../store/oidc/records.ts';
import type { OidcDeps } from '../deps.ts';
import { normalizePath, ROUTES } from '../routes.ts';
import { findReuseReason } from './token-reuse.ts';

export type Write = (tx: Transaction) => Promise<unknown>;
type PendingRecord = records.NewOidcRecord;

/**
 * What one request writes, kept until its answer is ready and then written in one unit. A person at the door waits for one
 * commit instead of seven; and a refresh that fails half-way has used nothing up, so the app may come again.
 */
export interface PendingWrites {
  add(work: Write): void;
  /** The same, and the request itself finds the record from now on. */
  saveRecord(record: PendingRecord, work: Write): void;
  /** The same, but before everything else of the unit: it takes the lock that the rest relies on, or refuses. */
  saveRecordFirst(record: PendingRecord, work: Write): void;
  /** The same, and the request itself finds it no more. */
  destroyRecord(model: string, idHash: string, work: Write): void;
  /** What the audit log shall hold of the request, when what it wrote is on the disk. */
  setAuditEvent(event: AuditEvent): void;
  /** What this request has done to a record; undefined when nothing, null when it is gone. */
  find(model: string, idHash: string): PendingRecord | null | undefined;
}

/** Somebody else was faster with a code or a refresh token. */
class AlreadyUsedError extends Error {
  readonly grantHash: string | undefined;
  constructor(grantHash: string | undefined) {
    super('already used');
    this.grantHash = grantHash;
  }
}

const pending = new WeakMap<object, PendingWrites>();
/** Outside of the provider's own routes, which know their request. */
const collected = new AsyncLocalStorage<PendingWrites>();

/** The gathering of the request that is under way, if its writes are gathered. */
export function pendingWrites(): PendingWrites | undefined {
  const request = Provider.ctx?.req;
  return collected.getStore() ?? (request && pending.get(request));
}

/** Writes at the end of the request where its writes are gathered, and at once elsewhere. */
export async function writeOrDefer(store: Store, work: Write): Promise<void> {
  const gathered = pendingWrites();
  if (gathered === undefined) await store.write(work);
  else gathered.add(work);
}

/** Uses a code or a refresh token up. @throws {AlreadyUsedError} when it was used, and the unit is taken back */
export async function consumeOnce(tx: Transaction, model: string, id: string, now: number): Promise<void> {
  const idHash = hashId(id);
  if (await records.consumeRecord(tx, model, idHash, now)) return;
  throw new AlreadyUsedError((await records.findRecord(tx, model, idHash))?.grantHash ?? undefined);
}

/** Returns true for the pages that lead to a code or to the approval of a device: each of their requests is one transaction. */
function canIssueGrant(path: string): boolean {
  if (path === ROUTES.deviceAuthorization) return false;
  return [ROUTES.authorization, ROUTES.codeVerification].some(
    (route) => path === route || path.startsWith(`${route}/`),
  );
}

/** Runs around the provider's own routes; what they wrote is on the disk before anybody hears of it. */
export function requestTransaction(deps: Pick<OidcDeps, 'store' | 'audit' | 'log'>, provider: Provider): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    const isToken = path === ROUTES.token;
    if (!isToken && !canIssueGrant(path)) {
      await next();
      return;
    }
    const gathered: CollectedWrites = { writes: [], removals: [], event: undefined };
    pending.set(ctx.req, createPendingWrites(gathered));
    try {
      await next().finally(() => pending.delete(ctx.req));
      // An answer that says "try again" must leave everything as it was.
      if (ctx.status >= 500) discardResponse(ctx);
      // An app that is refused has used nothing up, and what it would have got is not there. What a replay ends is ended.
      else if (isToken)
        await commit(deps, ctx.status >= 400 ? gathered.removals : [...findConcurrentChecks(ctx), ...gathered.writes]);
      else await commit(deps, gathered.writes, gathered.event);
    } catch (error) {
      discardResponse(ctx);
      if (!isToken) throw error;
      sendError(provider, ctx, error instanceof AlreadyUsedError ? await revokeReusedGrant(deps, ctx, error) : error);
    }
  };
}

/** Runs `work`. @returns what it returned, and what it writes, for a transaction of the caller */
export async function collectWrites<T>(work: () => Promise<T>): Promise<{ returned: T; write: Write }> {
  const gathered: CollectedWrites = { writes: [], removals: [], event: undefined };
  const returned = await collected.run(createPendingWrites(gathered), work);
  return { returned, write: inOrder(gathered.writes) };
}

function inOrder(work: readonly Write[]): Write {
  return async (tx) => {
    for (const one of work) await one(tx);
  };
}

async function commit(
  { store, audit }: Pick<OidcDeps, 'store' | 'audit'>,
  work: readonly Write[],
  event?: AuditEvent,
): Promise<void> {
  if (event !== undefined) await audit.record(event, inOrder(work));
  else if (work.length > 0) await store.write(inOrder(work));
}

const isUnrotatedRefresh = z.object({
  oidc: z.object({
    params: z.object({ grant_type: z.literal('refresh_token') }),
    entities: z.object({ Grant: z.object({ jti: z.string() }), RotatedRefreshToken: z.undefined().optional() }),
  }),
});

/**
 * A code or a rotated refresh token is consumed, which fails when its grant has ended. A refresh without rotation consumes nothing, so
 * the transaction asks for the grant.
 */
function findConcurrentChecks(ctx: Context): Write[] {
  const refresh = isUnrotatedRefresh.safeParse(ctx);
  if (!refresh.success) return [];
  const grantHash = hashId(refresh.data.oidc.entities.Grant.jti);
  return [
    async (tx) => {
      if (!(await grants.lockGrantShared(tx, grantHash))) throw new errors.InvalidGrant('grant has ended');
    },
  ];
}

/** The answer that was made says things that did not happen: a session under a new id, a step that is over. */
function discardResponse(ctx: Context): void {
  for (const header of ['location', 'set-cookie']) ctx.remove(header);
}

/** The token endpoint speaks JSON, also when the unit fails after its handler has done well (RFC 6749, section 5.2). */
function sendError(provider: Provider, ctx: Context, error: unknown): void {
  const known =
    error instanceof errors.OIDCProviderError || error instanceof DatabaseUnavailableError ? error : undefined;
  const { statusCode, message, error_description } = known ?? new errors.OIDCProviderError(500, 'server_error');
  ctx.status = statusCode;
  ctx.body = { error: message, ...(error_description === undefined ? {} : { error_description }) };
  provider.emit(statusCode >= 500 ? 'server_error' : 'grant.error', ctx, error);
}

/**
 * The second use takes away what the first one gave (RFC 6749 10.5, RFC 9700 4.14.2). In a unit of its own: who lost the race still
 * held the row of the code, and others wait for it. @returns what the app is told
 */
async function revokeReusedGrant(
  deps: ReuseDeps,
  ctx: Context,
  { grantHash, message }: AlreadyUsedError,
): Promise<unknown> {
  try {
    if (grantHash !== undefined) {
      await revokeReused(deps, { grantHash, reason: findReuseReason(ctx) ?? message, address: ctx.ip });
    }
    return new errors.InvalidGrant(message);
  } catch (error) {
    return error;
  }
}

interface CollectedWrites {
  writes: Write[];
  /** Those of them that only take something away. */
  removals: Write[];
  event: AuditEvent | undefined;
}

function createPendingWrites(gathered: CollectedWrites): PendingWrites {
  const { writes, removals } = gathered;
  const known = new Map<string, PendingRecord | null>();
  const add = (one: Write): void => {
    writes.push(one);
  };
  const keyOf = (model: string, idHash: string): string => `${model}:${idHash}`;
  return {
    add,
    saveRecord: (record, one) => {
      known.set(keyOf(record.model, record.idHash), record);
      add(one);
    },
    saveRecordFirst: (record, one) => {
      known.set(keyOf(record.model, record.idHash), record);
      writes.unshift(one);
    },
    destroyRecord: (model, idHash, one) => {
      known.set(keyOf(model, idHash), null);
      add(one);
      removals.push(one);
    },
    setAuditEvent: (event) => {
      gathered.event = event;
    },
    find: (model, idHash) => known.get(keyOf(model, idHash)),
  };
}
