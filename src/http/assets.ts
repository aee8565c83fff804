import Router from '@koa/router';
import type { Templates } from '../presentation/templates.ts';

/** Style sheets, scripts and images from memory. Addressed with the hash of their content they never change. */
export function createAssetsRouter({ assets }: Templates): Router {
  const router = new Router({ prefix: '/assets' });
  router.get('/*path', (ctx) => {
    const asset = assets.get(String(ctx.params['path']));
    if (asset === undefined) return;
    ctx.type = asset.type;
    ctx.etag = asset.hash;
    ctx.set('cache-control', ctx.query['v'] === asset.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
    ctx.body = asset.body;
    // Only an answer that has a body already can be found fresh.
    if (ctx.fresh) ctx.status = 304;
  });
  return router;
}
