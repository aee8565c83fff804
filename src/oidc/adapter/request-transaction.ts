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

/** A write of a request; it runs in the transaction that commits all of them. */
export type Write = (tx: Transaction) => Promise<unknown>;
type PendingRecord = records.NewOidcRecord;

/**
 * The writes of one request, kept until its response is ready and committed in one transaction. A sign-in waits for one commit instead of
 * seven. A refresh that fails half-way has consumed nothing, so the client may send it again.
 */
class PendingWrites {
  readonly #writes: Write[] = [];
  /** Those of the writes that destroy a record. */
  readonly #destroys: Write[] = [];
  readonly #records = new Map<string, PendingRecord | null>();
  #event: AuditEvent | undefined;

  add(write: Write): void {
    this.#writes.push(write);
  }

  /** Adds a write whose record the request itself finds from now on. */
  saveRecord(record: PendingRecord, write: Write): void {
    this.#records.set(keyOf(record.model, record.idHash), record);
    this.#writes.push(write);
  }

  /** Like `saveRecord`, but runs before all other writes: it takes the lock that they need, or throws. */
  saveRecordFirst(record: PendingRecord, write: Write): void {
    this.#records.set(keyOf(record.model, record.idHash), record);
    this.#writes.unshift(write);
  }

  /** Adds a write whose record the request itself no longer finds. */
  destroyRecord(model: string, idHash: string, write: Write): void {
    this.#records.set(keyOf(model, idHash), null);
    this.#writes.push(write);
    this.#destroys.push(write);
  }

  /** Sets the audit event that is recorded with the commit. */
  setAuditEvent(event: AuditEvent): void {
    this.#event = event;
  }

  /** @returns the record as this request left it; `null` when it destroyed it, `undefined` when it did not write it */
  find(model: string, idHash: string): PendingRecord | null | undefined {
    return this.#records.get(keyOf(model, idHash));
  }

  /** Runs all writes in a transaction of the caller. */
  async runIn(tx: Transaction): Promise<void> {
    await inOrder(this.#writes)(tx);
  }

  /** @param checks run first and throw when a concurrent request makes the writes invalid */
  async commit({ store, audit }: CommitDeps, checks: readonly Write[]): Promise<void> {
    const writeAll = inOrder([...checks, ...this.#writes]);
    if (this.#event !== undefined) await audit.record(this.#event, writeAll);
    else if (checks.length + this.#writes.length > 0) await store.write(writeAll);
  }

  /** Commits only the writes that destroy records. */
  async commitDestroys({ store }: Pick<CommitDeps, 'store'>): Promise<void> {
    if (this.#destroys.length > 0) await store.write(inOrder(this.#destroys));
  }
}

type CommitDeps = Pick<OidcDeps, 'store' | 'audit'>;

function keyOf(model: string, idHash: string): string {
  return `${model}:${idHash}`;
}

function inOrder(writes: readonly Write[]): Write {
  return async (tx) => {
    for (const write of writes) await write(tx);
  };
}

/** A concurrent request already consumed the code or refresh token. */
class AlreadyUsedError extends Error {
  readonly grantHash: string | undefined;
  constructor(grantHash: string | undefined) {
    super('already used');
    this.grantHash = grantHash;
  }
}

/** By request, for the routes of the provider. */
const byRequest = new WeakMap<object, PendingWrites>();
/** For calls of the provider from other routes. */
const collecting = new AsyncLocalStorage<PendingWrites>();

/** Returns the pending writes of the current request; `undefined` when it writes at once. */
export function pendingWrites(): PendingWrites | undefined {
  const request = Provider.ctx?.req;
  return collecting.getStore() ?? (request && byRequest.get(request));
}

/** Adds the write to those of the request, or runs it at once when the request collects none. */
export async function writeOrDefer(store: Store, write: Write): Promise<void> {
  const pending = pendingWrites();
  if (pending === undefined) await store.write(write);
  else pending.add(write);
}

/** Consumes a code or a refresh token. @throws {AlreadyUsedError} when it was already consumed */
export async function consumeOnce(tx: Transaction, model: string, id: string, now: number): Promise<void> {
  const idHash = hashId(id);
  if (await records.consumeRecord(tx, model, idHash, now)) return;
  throw new AlreadyUsedError((await records.findRecord(tx, model, idHash))?.grantHash ?? undefined);
}

/** Returns true for the routes that lead to a code or to the approval of a device. Each of their requests is one transaction. */
function canIssueGrant(path: string): boolean {
  if (path === ROUTES.deviceAuthorization) return false;
  return [ROUTES.authorization, ROUTES.codeVerification].some(
    (route) => path === route || path.startsWith(`${route}/`),
  );
}

/** Commits the writes of the token endpoint and of the routes that can issue a grant before their response is sent. */
export function requestTransaction(deps: Pick<OidcDeps, 'store' | 'audit' | 'log'>, provider: Provider): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    const isToken = path === ROUTES.token;
    if (!isToken && !canIssueGrant(path)) {
      await next();
      return;
    }
    const pending = new PendingWrites();
    byRequest.set(ctx.req, pending);
    try {
      await next().finally(() => byRequest.delete(ctx.req));
      // A server error writes nothing. A rejected token request only destroys records. Any other response writes everything.
      if (ctx.status >= 500) discardResponse(ctx);
      else if (isToken && ctx.status >= 400) await pending.commitDestroys(deps);
      else await pending.commit(deps, isToken ? findConcurrentChecks(ctx) : []);
    } catch (error) {
      discardResponse(ctx);
      if (!isToken) throw error;
      sendError(provider, ctx, error instanceof AlreadyUsedError ? await revokeReusedGrant(deps, ctx, error) : error);
    }
  };
}

/** Runs `work`. @returns what it returned, and what it writes, for a transaction of the caller */
export async function collectWrites<T>(work: () => Promise<T>): Promise<{ returned: T; write: Write }> {
  const pending = new PendingWrites();
  const returned = await collecting.run(pending, work);
  return { returned, write: (tx) => pending.runIn(tx) };
}

const unrotatedRefreshSchema = z.object({
  oidc: z.object({
    params: z.object({ grant_type: z.literal('refresh_token') }),
    entities: z.object({ Grant: z.object({ jti: z.string() }), RotatedRefreshToken: z.undefined().optional() }),
  }),
});

/**
 * Consuming a code or a rotated refresh token fails when its grant was revoked. A refresh without rotation consumes nothing, so the
 * transaction checks the grant.
 */
function findConcurrentChecks(ctx: Context): Write[] {
  const refresh = unrotatedRefreshSchema.safeParse(ctx);
  if (!refresh.success) return [];
  const grantHash = hashId(refresh.data.oidc.entities.Grant.jti);
  return [
    async (tx) => {
      if (!(await grants.lockGrantShared(tx, grantHash))) throw new errors.InvalidGrant('grant has ended');
    },
  ];
}

/** Removes what the response says about writes that did not happen: a new session cookie, the end of an interaction. */
function discardResponse(ctx: Context): void {
  for (const header of ['location', 'set-cookie']) ctx.remove(header);
}

/** The token endpoint responds with JSON, also when the commit fails after its handler succeeded (RFC 6749, section 5.2). */
function sendError(provider: Provider, ctx: Context, error: unknown): void {
  const known =
    error instanceof errors.OIDCProviderError || error instanceof DatabaseUnavailableError ? error : undefined;
  const { statusCode, message, error_description } = known ?? new errors.OIDCProviderError(500, 'server_error');
  ctx.status = statusCode;
  ctx.body = { error: message, ...(error_description === undefined ? {} : { error_description }) };
  provider.emit(statusCode >= 500 ? 'server_error' : 'grant.error', ctx, error);
}

/**
 * Revokes the grant when a code or refresh token is reused (RFC 6749, section 10.5; RFC 9700, section 4.14.2). In a transaction of its own,
 * because the failed one held the row of the code while others waited for it.
 *
 * @returns the error for the client
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
