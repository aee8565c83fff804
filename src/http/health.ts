import Router from '@koa/router';

/** Health checks: `live` means that the process responds, `ready` that this node accepts requests. */
export function createHealthRouter(isReady: () => Promise<boolean>): Router {
  const router = new Router({ prefix: '/health' });
  router.get('/live', (ctx) => {
    ctx.body = { status: 'live' };
  });
  router.get('/ready', async (ctx) => {
    const isNodeReady = await isReady();
    ctx.status = isNodeReady ? 200 : 503;
    ctx.body = { status: isNodeReady ? 'ready' : 'not ready' };
  });
  return router;
}
