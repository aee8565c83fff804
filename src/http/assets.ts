import Router from '@koa/router';
import type { Templates } from '../presentation/templates.ts';

/** Serves style sheets, scripts and images from memory. A URL with the hash of the content is cached forever. */
export function createAssetsRouter({ assets }: Templates): Router {
  const router = new Router({ prefix: '/assets' });
  router.get('/*path', (ctx) => {
    const asset = assets.get(String(ctx.params['path']));
    if (asset === undefined) return;
    ctx.type = asset.type;
    ctx.etag = asset.hash;
    ctx.set('cache-control', ctx.query['v'] === asset.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
    ctx.body = asset.body;
    // Koa compares the ETag only after the body is set.
    if (ctx.fresh) ctx.status = 304;
  });
  return router;
}
