import Router from '@koa/router';

/** For the machine that watches: alive means that the process answers, ready means that requests should come here. */
export function createHealthRouter(ready: () => Promise<boolean>): Router {
  const router = new Router({ prefix: '/health' });
  router.get('/live', (ctx) => {
    ctx.body = { status: 'live' };
  });
  router.get('/ready', async (ctx) => {
    const ok = await ready();
    ctx.status = ok ? 200 : 503;
    ctx.body = { status: ok ? 'ready' : 'not ready' };
  });
  return router;
}
