import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { scheduleRequests } from '../../src/http/server/request-scheduler.ts';
import { pollUntil } from '../helpers/poll.ts';

const PAGES = 60;

describe('requests that arrive at the same moment', () => {
  let server: Server;
  let begun: string[];
  let sockets: Socket[];
  let atFirst: () => void;
  beforeEach(async () => {
    begun = [];
    sockets = [];
    atFirst = () => undefined;
    const handle = scheduleRequests(
      (request, response) => {
        begun.push(request.url ?? '');
        if (begun.length === 1) atFirst();
        response.end();
        return Promise.resolve();
      },
      ({ url }) => url === '/token',
    );
    server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  const dial = async (count: number): Promise<Socket[]> => {
    const { port } = server.address() as AddressInfo;
    let accepted = 0;
    server.on('connection', () => (accepted += 1));
    sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
    // Waits until all requests have arrived, because the server accepts one connection in each turn.
    await pollUntil('all connections', () => accepted === count);
    return sockets;
  };
  const ask = (socket: Socket | undefined, path: string): void => {
    socket?.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  };
  const haveBegun = (count: number): Promise<true> =>
    pollUntil(`${String(count)} requests`, () => begun.length === count);

  it('all start: pages in order of arrival, API requests long before the last page', async () => {
    const all = await dial(PAGES + 1);
    all.slice(0, PAGES).forEach((socket, at) => {
      ask(socket, `/page/${String(at)}`);
    });
    ask(all[PAGES], '/token');
    await haveBegun(PAGES + 1);
    const place = begun.indexOf('/token');
    assert.ok(place >= 0 && place < PAGES / 2, `${String(place)} pages were begun before`);
    const pages = begun.filter((path) => path !== '/token');
    assert.deepEqual(
      pages,
      Array.from({ length: PAGES }, (_, at) => `/page/${String(at)}`),
    );
  });

  it('do not start if their clients have disconnected', async () => {
    const all = await dial(PAGES);
    atFirst = () => all.at(-2)?.destroy();
    all.forEach((socket, at) => {
      ask(socket, `/page/${String(at)}`);
    });
    await pollUntil('the last', () => begun.includes(`/page/${String(PAGES - 1)}`));
    assert.ok(!begun.includes(`/page/${String(PAGES - 2)}`));
    assert.equal(begun.length, PAGES - 1);
  });
});
