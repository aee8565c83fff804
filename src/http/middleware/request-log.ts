import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { Random } from '../../domain/random.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import { HashQueueFullError, DatabaseUnavailableError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';

interface Deps {
  log: Logger;
  metrics: Metrics;
  random: Random;
  /** Draws the page for an answer that went wrong. */
  showError: (ctx: Context, status: number, reference: string, error?: unknown) => void;
}

const clientError = z.object({ status: z.number().int().min(400).max(499) });

/**
 * The outermost layer: one log line and one measurement per request, and a page instead of a stack trace. Only the route is
 * logged, never the URL: it can hold a reset link.
 */
export function requestLog(deps: Deps): Middleware {
  const { log, metrics, random, showError } = deps;
  return async (ctx, next) => {
    const requestId = random.uuid();
    const start = performance.now();
    ctx.set('x-request-id', requestId);
    try {
      await next();
      const empty = ctx.body === undefined || ctx.body === null;
      if (empty && (ctx.status === 404 || ctx.status === 405)) showError(ctx, ctx.status, requestId);
    } catch (error) {
      const status = statusOf(error);
      if (status >= 500) log.error({ err: error, requestId }, 'request failed');
      showError(ctx, status, requestId, error);
    }
    // Whoever says it, a page or the provider: a machine that comes again at once makes it no better.
    if (ctx.status === 503 && !ctx.res.hasHeader('retry-after')) ctx.set('retry-after', '5');
    const seconds = (performance.now() - start) / 1000;
    const route = routeOf(ctx);
    const status = `${Math.floor(ctx.status / 100)}xx`;
    runBestEffort(deps, 'metrics', () => {
      metrics.requestSeconds.observe({ method: ctx.method, route, status }, seconds);
    });
    log.info({ requestId, method: ctx.method, route, status: ctx.status, ms: Math.round(seconds * 1000) }, 'request');
  };
}

function statusOf(error: unknown): number {
  if (error instanceof HashQueueFullError || error instanceof DatabaseUnavailableError) return 503;
  const parsed = clientError.safeParse(error);
  return parsed.success ? parsed.data.status : 500;
}

const nonEmptyText = z.string().min(1);

/** `/interaction/:uid`, `token`: the pattern of our router or the name that the provider gives its route. */
function routeOf(ctx: Context): string {
  const own = nonEmptyText.safeParse(ctx['_matchedRoute']);
  if (own.success) return own.data;
  const provider = nonEmptyText.safeParse(ctx['_matchedRouteName']);
  return provider.success ? provider.data : 'none';
}
