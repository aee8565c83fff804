import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { errorReference } from '../../domain/error-reference.ts';
import type { Random } from '../../domain/random.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import { HashQueueFullError, DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { runWithRequestId } from '../../platform/request-id.ts';

interface Deps {
  log: Logger;
  metrics: Metrics;
  random: Random;
  /** Renders an error page. */
  showError: (ctx: Context, status: number, requestId: string, error?: unknown) => void;
}

const clientError = z.object({ status: z.number().int().min(400).max(499) });

/** In seconds, for responses 503 without a Retry-After of their own. Clients that retry at once prolong the overload. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The outermost middleware: writes one log line, measures the duration, and renders an error page instead of a stack trace. Logs the
 * route and never the URL, which can contain the token of a reset link.
 */
export function requestLog(deps: Deps): Middleware {
  const { log, metrics, random, showError } = deps;
  return async (ctx, next) => {
    const requestId = random.uuid();
    const start = performance.now();
    ctx.set('x-request-id', requestId);
    try {
      await runWithRequestId(requestId, next);
      const isEmpty = ctx.body === undefined || ctx.body === null;
      if (isEmpty && (ctx.status === 404 || ctx.status === 405)) showError(ctx, ctx.status, requestId);
    } catch (error) {
      const status = statusOf(error);
      if (status >= 500) log.error({ err: error, requestId }, 'request failed');
      showError(ctx, status, requestId, error);
    }
    if (ctx.status === 503 && !ctx.res.hasHeader('retry-after')) ctx.set('retry-after', String(RETRY_AFTER_SECONDS));
    const seconds = (performance.now() - start) / 1000;
    const route = routeOf(ctx);
    const status = `${Math.floor(ctx.status / 100)}xx`;
    runBestEffort(deps, 'metrics', () => {
      metrics.responses.inc({ status });
      metrics.requestSeconds.observe({ method: ctx.method, route, status }, seconds);
    });
    const outcome = { status: ctx.status, ...(ctx.status >= 400 ? { reference: errorReference(requestId) } : {}) };
    log.info({ requestId, method: ctx.method, route, ...outcome, ms: Math.round(seconds * 1000) }, 'request');
  };
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
