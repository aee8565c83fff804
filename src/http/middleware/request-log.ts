import type { Context, Middleware, Next } from 'koa';
import { z } from 'zod';
import { errorReference } from '../../domain/error-reference.ts';
import type { Random } from '../../domain/random.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import { HashQueueFullError, DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { describeRefusal } from '../../platform/refusal.ts';
import { currentRequestIds, runWithRequestId } from '../../platform/request-id.ts';
import { createClientAddress, peerOf } from './issuer-origin.ts';
import { findRefusal } from './refusal.ts';

interface Deps {
  log: Logger;
  metrics: Metrics;
  random: Random;
  trustedProxies: readonly string[];
  /** Renders an error page. */
  showError: (ctx: Context, status: number, requestId: string, error?: unknown) => void;
}

/** Ids of proxies: 32 hexadecimal digits (nginx), UUIDs, base64url. Bounded, because log lines and audit entries repeat them. */
const PROXY_REQUEST_ID = /^[\w-]{16,64}$/;

const clientError = z.object({ status: z.number().int().min(400).max(499) });

/** In seconds, for responses 503 without a Retry-After of their own. Clients that retry at once prolong the overload. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The outermost middleware: writes one log line, measures the duration, and renders an error page instead of a stack trace. Logs the
 * route and never the URL, which can contain the token of a reset link.
 */
export function requestLog(deps: Deps): Middleware {
  const { log, metrics, random } = deps;
  const proxies = createClientAddress(deps.trustedProxies);
  return async (ctx, next) => {
    const sent = ctx.get('x-request-id');
    const isOfProxy = PROXY_REQUEST_ID.test(sent) && proxies.isTrusted(peerOf(ctx.req.socket));
    const requestId = isOfProxy ? sent : random.uuid();
    const start = performance.now();
    ctx.set('x-request-id', requestId);
    await runWithRequestId(requestId, async () => {
      await handle(deps, ctx, next);
      if (ctx.status === 503 && !ctx.res.hasHeader('retry-after')) ctx.set('retry-after', String(RETRY_AFTER_SECONDS));
      const seconds = (performance.now() - start) / 1000;
      const route = routeOf(ctx);
      const status = `${Math.floor(ctx.status / 100)}xx`;
      runBestEffort(deps, 'metrics', () => {
        metrics.responses.inc({ status });
        metrics.requestSeconds.observe({ method: ctx.method, route, status }, seconds);
      });
      const outcome = { status: ctx.status, ...(ctx.status >= 400 ? { reference: errorReference(requestId) } : {}) };
      log.info({ method: ctx.method, route, ...outcome, ms: Math.round(seconds * 1000) }, 'request');
    });
  };
}

/** Handles the request. Logs why it is refused, unless the provider has done so. */
async function handle({ log, showError }: Deps, ctx: Context, next: Next): Promise<void> {
  const { requestId = '' } = currentRequestIds();
  try {
    await next();
    const refusal = findRefusal(ctx);
    if (refusal !== undefined) log.info({ event: 'request', ...refusal }, 'request refused');
    const isEmpty = ctx.body === undefined || ctx.body === null;
    if (isEmpty && (ctx.status === 404 || ctx.status === 405)) showError(ctx, ctx.status, requestId);
  } catch (error) {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'request failed');
    else if (error instanceof Error) log.info({ event: 'request', ...describeRefusal(error) }, 'request refused');
    showError(ctx, status, requestId, error);
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HashQueueFullError || error instanceof DatabaseUnavailableError) return 503;
  const parsed = clientError.safeParse(error);
  return parsed.success ? parsed.data.status : 500;
}

const nonEmptyText = z.string().min(1);

/** Returns the pattern of our own route (`/interaction/:uid`) or the provider's name of its route (`token`). */
function routeOf(ctx: Context): string {
  const pattern = nonEmptyText.safeParse(ctx['_matchedRoute']);
  if (pattern.success) return pattern.data;
  const name = nonEmptyText.safeParse(ctx['_matchedRouteName']);
  return name.success ? name.data : 'none';
}
