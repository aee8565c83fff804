import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { POLL_INTERVAL_SECONDS } from '../../domain/throttling/device-polls.ts';
import { recordPoll } from '../../services/authentication/device-codes.ts';
import type { OidcDeps } from '../deps.ts';
import { DEVICE_CODE_SECONDS } from '../options/ttl.ts';
import { normalizePath, ROUTES } from '../routes.ts';

const pendingPoll = z.object({
  status: z.literal(400),
  body: z.object({ error: z.literal('authorization_pending') }),
  oidc: z.object({ params: z.object({ device_code: z.string() }) }),
});
const deviceAuthorization = z.object({
  status: z.literal(200),
  body: z.looseObject({ device_code: z.string() }),
  oidc: z.object({ route: z.literal('device_authorization') }),
});

/**
 * Announces the polling interval to devices, and returns `slow_down` if they poll faster (RFC 8628, sections 3.2 and 3.5). The
 * provider does neither.
 *
 * `slow_down` replaces only `authorization_pending`. Approved, denied, consumed or unknown codes get their usual response. So state exists
 * only for active codes: one small record per code, shared by all nodes and updated in place. After the interval has its maximum, an early
 * poll writes nothing.
 */
export function paceDevicePolls(deps: Pick<OidcDeps, 'store' | 'clock'>): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    await next();
    if (path !== ROUTES.token && path !== ROUTES.deviceAuthorization) return;
    announceInterval(ctx);
    const poll = ctx.status === 400 ? pendingPoll.safeParse(ctx) : undefined;
    if (poll?.success !== true) return;
    const seconds = await recordPoll(deps, poll.data.oidc.params.device_code, DEVICE_CODE_SECONDS);
    if (seconds === undefined) return;
    ctx.body = { error: 'slow_down', error_description: `poll at most every ${String(seconds)} seconds` };
  };
}

function announceInterval(ctx: Context): void {
  if (!('oidc' in ctx)) return;
  const response = deviceAuthorization.safeParse(ctx);
  if (response.success) ctx.body = { ...response.data.body, interval: POLL_INTERVAL_SECONDS };
}
