import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { errors } from 'oidc-provider';
import { z } from 'zod';
import { HOUR_SECONDS } from '../../domain/duration.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import { revokeReused, type ReuseDeps } from '../../services/access/grant-revocation.ts';
import { recordRefusedSignIn, SignInLimitError } from '../../services/authentication/completed-sign-ins.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as records from '../../store/oidc/records.ts';
import type { OidcDeps } from '../deps.ts';
import { refreshTokenLifetime } from '../options/ttl.ts';
import { normalizePath, ROUTES } from '../routes.ts';
import { collectForRequest, type Write } from './pending-writes.ts';
import { findReuseReason } from './token-reuse.ts';

/** A concurrent request already consumed the code or refresh token. */
class AlreadyUsedError extends Error {
  readonly grantHash: string | undefined;
  constructor(grantHash: string | undefined) {
    super('already used');
    this.grantHash = grantHash;
  }
}

/** Consumes a code or a refresh token. @throws {AlreadyUsedError} when it was already consumed */
export async function consumeOnce(
  tx: Transaction,
  model: string,
  idHash: string,
  { now, payload }: { now: number; payload: string | undefined },
): Promise<void> {
  if (await records.consumeRecord(tx, model, idHash, now, payload)) return;
  throw new AlreadyUsedError((await records.findRecord(tx, model, idHash))?.grantHash ?? undefined);
}

/** Returns true for the routes that lead to a code or to the approval of a device. Each of their requests is one transaction. */
function canIssueGrant(path: string): boolean {
  if (path === ROUTES.deviceAuthorization) return false;
  return [ROUTES.authorization, ROUTES.codeVerification].some(
    (route) => path === route || path.startsWith(`${route}/`),
  );
}

/**
 * Commits the writes of the token endpoint and of the routes that can issue a grant, before their response is sent:
 *
 * - A server error writes nothing.
 * - A rejected token request only destroys records.
 * - Any other response writes everything.
 */
export function requestTransaction(
  deps: Pick<OidcDeps, 'store' | 'audit' | 'log' | 'clock'>,
  provider: Provider,
): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    const isToken = path === ROUTES.token;
    if (!isToken && !canIssueGrant(path)) {
      await next();
      return;
    }
    try {
      const pending = await collectForRequest(ctx.req, next);
      if (ctx.status >= 500) discardResponse(ctx);
      else if (isToken && ctx.status >= 400) await pending.commitDestroys(deps);
      else await pending.commit(deps, isToken ? findUnrotatedWrites(ctx, deps.clock.now()) : []);
    } catch (error) {
      discardResponse(ctx);
      if (error instanceof SignInLimitError) await recordRefusedSignIn(deps, error, ctx.ip);
      if (!isToken) throw error;
      sendError(provider, ctx, error instanceof AlreadyUsedError ? await revokeReusedGrant(deps, ctx, error) : error);
    }
  };
}

const unrotatedRefreshSchema = z.object({
  oidc: z.object({
    params: z.object({ grant_type: z.literal('refresh_token') }),
    entities: z.object({
      Grant: z.object({ jti: z.string() }),
      RefreshToken: z.object({ jti: z.string(), iiat: z.number(), exp: z.number() }),
      RotatedRefreshToken: z.undefined().optional(),
    }),
  }),
});

/**
 * Returns the writes of a refresh without rotation. They run first in the transaction:
 *
 * - The grant is locked. Consuming a code or a rotated refresh token fails when its grant was revoked; here nothing is consumed.
 * - The refresh token expires later, because it was used. At most one refresh in an hour writes that.
 */
function findUnrotatedWrites(ctx: Context, nowMs: number): Write[] {
  const refresh = unrotatedRefreshSchema.safeParse(ctx);
  if (!refresh.success) return [];
  const { Grant: grant, RefreshToken: token } = refresh.data.oidc.entities;
  const now = Math.floor(nowMs / 1000);
  const expiresAt = now + refreshTokenLifetime(token.iiat, now);
  return [
    async (tx) => {
      if (!(await grants.lockGrantShared(tx, hashId(grant.jti)))) throw new errors.InvalidGrant('grant has ended');
      if (expiresAt < token.exp + HOUR_SECONDS) return;
      await records.extendRecord(tx, 'RefreshToken', hashId(token.jti), expiresAt * 1000);
    },
  ];
}

/** Removes the headers that announce writes which did not happen: a new session cookie, a redirect to the next interaction. */
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
 * Revokes the grant when a code or refresh token is reused (RFC 6749, section 10.5; RFC 9700, section 4.14.2). It needs its own
 * transaction, because the failed one was rolled back.
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
