import type { Middleware } from 'koa';
import { z } from 'zod';
import { ROUTES } from './routes.ts';

const metadata = z.looseObject({ subject_types_supported: z.array(z.string()) });

/**
 * Corrects the discovery document and caches it: it is the same for all, and apps request it often.
 *
 * Every client is pairwise. The provider also lists `public`, because device clients are registered as public ones. Its `discovery`
 * option can only add members.
 */
export function cachedDiscovery(): Middleware {
  let cached: string | undefined;
  return async (ctx, next) => {
    // The provider itself answers scripts of other origins: it adds the CORS headers.
    if (cached !== undefined && ctx.path === ROUTES.discovery && ctx.method === 'GET' && ctx.get('origin') === '') {
      ctx['_matchedRouteName'] = 'discovery';
      ctx.set('access-control-allow-origin', '*');
      ctx.vary('Origin');
      ctx.type = 'application/json';
      ctx.body = cached;
      return;
    }
    await next();
    if (ctx.path !== ROUTES.discovery) return;
    const body = metadata.safeParse(ctx.body);
    if (!body.success) return;
    cached = JSON.stringify({ ...body.data, subject_types_supported: ['pairwise'] });
    ctx.type = 'application/json';
    ctx.body = cached;
  };
}
