import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import Koa from 'koa';
import { limitUnderWay } from '../../src/http/middleware/limit.ts';
import { BusyError } from '../../src/services/errors.ts';

describe('a limit on requests under way', () => {
  const MOST = 2;
  const inside = new Set<() => void>();
  const app = new Koa();
  let arrived: () => void = () => undefined;
  let base: string;
  const server = createServer((request, response) => void app.callback()(request, response));
  const letOut = (): void => {
    for (const leave of inside) leave();
    inside.clear();
  };

  before(async () => {
    app.use(async (ctx, next) => {
      await next().catch((error: unknown) => {
        ctx.status = error instanceof BusyError ? 503 : 500;
      });
    });
    app.use(limitUnderWay('/door', MOST));
    app.use(async (ctx) => {
      ctx.body = 'in';
      if (!ctx.query['stay']) return;
      await new Promise<void>((leave) => {
        inside.add(leave);
        arrived();
      });
      if (ctx.query['stay'] === 'fail') throw new Error('inside');
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    base = `http://localhost:${String(address.port)}`;
  });
  after(() => {
    letOut();
    server.closeAllConnections();
    server.close();
  });

  const status = async (path: string): Promise<number> => (await fetch(base + path)).status;
  /** Somebody who is inside until `letOut`. */
  const enter = async (path: string): Promise<() => Promise<number>> => {
    const isIn = new Promise<void>((resolve) => (arrived = resolve));
    const answer = status(path);
    await isIn;
    return () => answer;
  };

  it('turns away who comes when it is full, lets other paths pass, and forgets who has left, also by an error', async () => {
    const first = await enter('/door?stay=long');
    const second = await enter('/door?stay=fail');
    assert.deepEqual([await status('/door'), await status('/elsewhere')], [503, 200]);
    letOut();
    assert.deepEqual([await first(), await second()], [200, 500]);
    const again = await Promise.all([enter('/door?stay=long').then(async (one) => (letOut(), one())), status('/door')]);
    assert.deepEqual(again, [200, 200]);
  });
});
