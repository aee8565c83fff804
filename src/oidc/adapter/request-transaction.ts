import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Middleware } from 'koa';
import Provider, { errors } from 'oidc-provider';
import { z } from 'zod';
import { hashId } from '../../platform/crypto/secrets.ts';
import { UnavailableError } from '../../platform/errors.ts';
import { revokeReused, type ReuseDeps } from '../../services/access/grant-revocation.ts';
import type { AuditEvent } from '../../services/audit/audit.ts';
import type { Store, Unit } from '../../store/database/index.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as records from '../../store/oidc/records.ts';
import type { OidcDeps } from '../deps.ts';
import { normalizePath, ROUTES } from '../routes.ts';
import { reuseReasonOf } from './token-reuse.ts';

export type Work = (tx: Unit) => Promise<unknown>;
type Saved = records.NewOidcRecord;

/**
 * What one request writes, kept until its answer is ready and then written in one unit. A person at the door waits for one
 * commit instead of seven; and a refresh that fails half-way has used nothing up, so the app may come again.
 */
export interface Gathering {
  add(work: Work): void;
  /** The same, and the request itself finds the record from now on. */
  save(record: Saved, work: Work): void;
  /** The same, but before everything else of the unit: it takes the lock that the rest relies on, or refuses. */
  saveFirst(record: Saved, work: Work): void;
  /** The same, and the request itself finds it no more. */
  remove(model: string, idHash: string, work: Work): void;
  /** What the audit log shall hold of the request, when what it wrote is on the disk. */
  record(event: AuditEvent): void;
  /** What this request has done to a record; undefined when nothing, null when it is gone. */
  find(model: string, idHash: string): Saved | null | undefined;
}

/** Somebody else was faster with a code or a refresh token. */
class AlreadyUsedError extends Error {
  readonly grantHash: string | undefined;
  constructor(grantHash: string | undefined) {
    super('already used');
    this.grantHash = grantHash;
  }
}

const underWay = new WeakMap<object, Gathering>();
/** Outside of the provider's own routes, which know their request. */
const collected = new AsyncLocalStorage<Gathering>();

/** The gathering of the request that is under way, if its writes are gathered. */
export function gathering(): Gathering | undefined {
  const request = Provider.ctx?.req;
  return collected.getStore() ?? (request && underWay.get(request));
}

/** Writes at the end of the request where its writes are gathered, and at once elsewhere. */
export async function writeGathered(store: Store, work: Work): Promise<void> {
  const gathered = gathering();
  if (gathered === undefined) await store.write(work);
  else gathered.add(work);
}

/** Uses a code or a refresh token up. @throws {AlreadyUsedError} when it was used, and the unit is taken back */
export async function useUp(u: Unit, model: string, id: string, now: number): Promise<void> {
  const idHash = hashId(id);
  if (await records.consumeRecord(u, model, idHash, now)) return;
  throw new AlreadyUsedError((await records.findRecord(u, model, idHash))?.grantHash ?? undefined);
}

/** Returns true for the pages that lead to a code or to the approval of a device: each of their requests is one transaction. */
function leadsToGrant(path: string): boolean {
  if (path === ROUTES.deviceAuthorization) return false;
  return [ROUTES.authorization, ROUTES.codeVerification].some(
    (route) => path === route || path.startsWith(`${route}/`),
  );
}

/** Runs around the provider's own routes; what they wrote is on the disk before anybody hears of it. */
export function gatherWrites(deps: Pick<OidcDeps, 'store' | 'audit' | 'log'>, provider: Provider): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    const isToken = path === ROUTES.token;
    if (!isToken && !leadsToGrant(path)) {
      await next();
      return;
    }
    const gathered: Gathered = { work: [], removals: [], event: undefined };
    underWay.set(ctx.req, createGathering(gathered));
    try {
      await next().finally(() => underWay.delete(ctx.req));
      // An answer that says "try again" must leave everything as it was.
      if (ctx.status >= 500) takeBack(ctx);
      // An app that is refused has used nothing up, and what it would have got is not there. What a replay ends is ended.
      else if (isToken)
        await finish(deps, ctx.status >= 400 ? gathered.removals : [...checksOf(ctx), ...gathered.work]);
      else await finish(deps, gathered.work, gathered.event);
    } catch (error) {
      takeBack(ctx);
      if (!isToken) throw error;
      refuse(provider, ctx, error instanceof AlreadyUsedError ? await secondUse(deps, ctx, error) : error);
    }
  };
}

/** Runs `work`. @returns what it returned, and what it writes, for a transaction of the caller */
export async function collectWrites<T>(work: () => Promise<T>): Promise<{ returned: T; write: Work }> {
  const gathered: Gathered = { work: [], removals: [], event: undefined };
  const returned = await collected.run(createGathering(gathered), work);
  return { returned, write: inOrder(gathered.work) };
}

function inOrder(work: readonly Work[]): Work {
  return async (tx) => {
    for (const one of work) await one(tx);
  };
}

async function finish(
  { store, audit }: Pick<OidcDeps, 'store' | 'audit'>,
  work: readonly Work[],
  event?: AuditEvent,
): Promise<void> {
  if (event !== undefined) await audit.record(event, inOrder(work));
  else if (work.length > 0) await store.write(inOrder(work));
}

const unrotatedRefresh = z.object({
  oidc: z.object({
    params: z.object({ grant_type: z.literal('refresh_token') }),
    entities: z.object({ Grant: z.object({ jti: z.string() }), RotatedRefreshToken: z.undefined().optional() }),
  }),
});

/**
 * A code or a rotated refresh token is consumed, which fails when its grant has ended. A refresh without rotation consumes nothing, so
 * the transaction asks for the grant.
 */
function checksOf(ctx: Context): Work[] {
  const refresh = unrotatedRefresh.safeParse(ctx);
  if (!refresh.success) return [];
  const grantHash = hashId(refresh.data.oidc.entities.Grant.jti);
  return [
    async (tx) => {
      if (!(await grants.lockGrantShared(tx, grantHash))) throw new errors.InvalidGrant('grant has ended');
    },
  ];
}

/** The answer that was made says things that did not happen: a session under a new id, a step that is over. */
function takeBack(ctx: Context): void {
  for (const header of ['location', 'set-cookie']) ctx.remove(header);
}

/** The token endpoint speaks JSON, also when the unit fails after its handler has done well (RFC 6749, section 5.2). */
function refuse(provider: Provider, ctx: Context, error: unknown): void {
  const known = error instanceof errors.OIDCProviderError || error instanceof UnavailableError ? error : undefined;
  const { statusCode, message, error_description } = known ?? new errors.OIDCProviderError(500, 'server_error');
  ctx.status = statusCode;
  ctx.body = { error: message, ...(error_description === undefined ? {} : { error_description }) };
  provider.emit(statusCode >= 500 ? 'server_error' : 'grant.error', ctx, error);
}

/**
 * The second use takes away what the first one gave (RFC 6749 10.5, RFC 9700 4.14.2). In a unit of its own: who lost the race still
 * held the row of the code, and others wait for it. @returns what the app is told
 */
async function secondUse(deps: ReuseDeps, ctx: Context, { grantHash, message }: AlreadyUsedError): Promise<unknown> {
  try {
    if (grantHash !== undefined) {
      await revokeReused(deps, { grantHash, reason: reuseReasonOf(ctx) ?? message, address: ctx.ip });
    }
    return new errors.InvalidGrant(message);
  } catch (error) {
    return error;
  }
}

interface Gathered {
  work: Work[];
  /** Those of them that only take something away. */
  removals: Work[];
  event: AuditEvent | undefined;
}

function createGathering(gathered: Gathered): Gathering {
  const { work, removals } = gathered;
  const known = new Map<string, Saved | null>();
  const add = (one: Work): void => {
    work.push(one);
  };
  const keyOf = (model: string, idHash: string): string => `${model}:${idHash}`;
  return {
    add,
    save: (record, one) => {
      known.set(keyOf(record.model, record.idHash), record);
      add(one);
    },
    saveFirst: (record, one) => {
      known.set(keyOf(record.model, record.idHash), record);
      work.unshift(one);
    },
    remove: (model, idHash, one) => {
      known.set(keyOf(model, idHash), null);
      add(one);
      removals.push(one);
    },
    record: (event) => {
      gathered.event = event;
    },
    find: (model, idHash) => known.get(keyOf(model, idHash)),
  };
}
