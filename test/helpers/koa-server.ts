import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after } from 'node:test';
import Koa, { type Middleware } from 'koa';

type Init = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> };
export type Send = (path: string, init?: Init) => Promise<Response>;

/** Serves the middlewares on their own port until the tests of the suite end. */
export function serveMiddlewares(...middlewares: Middleware[]): Promise<Send> {
  const app = new Koa();
  app.silent = true;
  for (const middleware of middlewares) app.use(middleware);
  return serveApp(app);
}

/** Serves the app on its own port until the tests of the suite end. */
export async function serveApp(app: Koa): Promise<Send> {
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { port } = address;
  return (path, init) =>
    fetch(`http://127.0.0.1:${String(port)}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { connection: 'close', ...init?.headers },
    });
}
