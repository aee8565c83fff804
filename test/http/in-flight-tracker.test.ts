import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, it } from 'node:test';

import { createConnections } from '../../src/http/server/connections.ts';
import { createInFlightTracker, type Handler, type InFlightTracker } from '../../src/http/server/in-flight-tracker.ts';
import { createHttpServer } from '../../src/http/server/server.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { pollUntil } from '../helpers/poll.ts';

const STALL_MS = 300;
const MAX_WAITING = 20;
/** Larger than the kernel's buffers of the loopback interface. */
const LARGE = Buffer.alloc(32 * 1024 * 1024);

describe('requests in flight', () => {
  let server: Server;
  let inFlight: InFlightTracker;
  let metrics: Metrics;
  let sockets: Socket[] = [];
  let begun = 0;

  const start = async (handle: Handler): Promise<void> => {
    const log = createLogger('silent');
    metrics = createMetrics({ queueLength: () => 0 }, log);
    const limits = { waiting: MAX_WAITING, stallMs: STALL_MS };
    const connections = createConnections({ log, metrics, trustedProxies: [], limits });
    inFlight = createInFlightTracker(connections, 8);
    begun = 0;
    const counted: Handler = (request, response) => {
      begun += 1;
      return handle(request, response);
    };
    server = createHttpServer(undefined, connections, inFlight.watch(counted)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  };
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  /** Opens a client that never reads a response. */
  const dial = (text: string): Socket => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(text);
    sockets.push(socket);
    return socket;
  };
  /** A request whose body never arrives. */
  const POST = 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n';
  const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const closed = (reason: string, count: number): Promise<true> =>
    pollUntil(`${String(count)} sockets closed: ${reason}`, async () => {
      const text = await metrics.registry.metrics();
      return text.includes(`kinpass_sockets_closed_total{reason="${reason}"} ${String(count)}`);
    });

  it('are limited on one socket: exceeding the limit closes it; others run in order', async () => {
    const over = Promise.withResolvers<undefined>();
    await start(async (_request, response) => {
      await over.promise;
      response.end();
    });
    dial(GET.repeat(8));
    dial(GET.repeat(900));
    await closed('pipelined', 1);
    // One per socket: a pipelined request starts after the previous response is sent.
    assert.equal(begun, 2);
    assert.equal(inFlight.count(), 2);
    assert.equal([...inFlight.responses()].length, 8);
    over.resolve(undefined);
    await pollUntil('the eight of the socket that is left', () => begun === 9);
    await pollUntil('all answered', () => inFlight.count() === 0);
    await pollUntil('all sent', () => [...inFlight.responses()].length === 0);
  });

  for (const [name, request] of [
    ['plain requests', GET],
    ['requests with an Expect header', 'GET / HTTP/1.1\r\nhost: localhost\r\nexpect: x\r\n\r\n'],
    ['requests without a Host', 'GET / HTTP/1.1\r\n\r\n'],
  ] as const) {
    it(`stop the parser if one read contains thousands: ${name}`, async () => {
      const over = Promise.withResolvers<undefined>();
      await start(() => over.promise);
      // Node publishes each request that its parser creates.
      let made = 0;
      const count = (): void => {
        made += 1;
      };
      subscribe('http.server.request.start', count);
      dial(request.repeat(2_000));
      await closed('pipelined', 1);
      unsubscribe('http.server.request.start', count);
      over.resolve(undefined);
      assert.ok(made <= 9, String(made));
    });
  }

  it('are not counted after their response is generated, even if no client reads it', async () => {
    await start((_request, response) => {
      response.end(LARGE);
      return Promise.resolve();
    });
    dial(GET.repeat(4));
    await pollUntil('four responses', () => [...inFlight.responses()].length === 4);
    assert.equal(inFlight.count(), 0);
  });

  it('are removed with their socket, including those that waited for another one', async () => {
    const over = Promise.withResolvers<undefined>();
    await start(async (_request, response) => {
      await over.promise;
      response.end();
    });
    const socket = dial(GET.repeat(4));
    await pollUntil('four requests', () => [...inFlight.responses()].length === 4);
    socket.destroy();
    await pollUntil('none', () => [...inFlight.responses()].length === 0);
    // The handler of the first request still runs.
    assert.equal(inFlight.count(), 1);
    over.resolve(undefined);
    await pollUntil('no work', () => inFlight.count() === 0);
    assert.equal(begun, 1);
  });

  it('lose their socket if the client reads no byte for the stall time', async () => {
    await start((_request, response) => {
      response.end(LARGE);
      return Promise.resolve();
    });
    dial(GET);
    await closed('stalled', 1);
    await pollUntil('no response', () => [...inFlight.responses()].length === 0);
  });

  /** Waits until a new socket is closed as stalled, so the stall time of all older ones has passed. */
  const stallTimeIsOver = async (): Promise<void> => {
    dial(POST);
    await closed('stalled', 1);
  };

  it('keep their socket while the service works longer than the stall time', async () => {
    const over = Promise.withResolvers<undefined>();
    await start(async (request, response) => {
      if (request.method === 'GET') await over.promise;
      else await buffer(request).catch(() => undefined);
      response.end('done');
    });
    const socket = dial(GET);
    socket.resume();
    await pollUntil('work', () => inFlight.count() === 1);
    await stallTimeIsOver();
    over.resolve(undefined);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200/);
    assert.match(await metrics.registry.metrics(), /kinpass_sockets_closed_total\{reason="stalled"\} 1\n/);
  });

  it('lose their socket if the client does not read the response of slow work', async () => {
    const over = Promise.withResolvers<undefined>();
    await start(async (request, response) => {
      if (request.method === 'GET') await over.promise;
      else await buffer(request).catch(() => undefined);
      response.end(LARGE);
    });
    dial(GET);
    await pollUntil('work', () => inFlight.count() === 1);
    await stallTimeIsOver();
    over.resolve(undefined);
    await closed('stalled', 2);
  });

  it('lose their socket if the announced body does not arrive', async () => {
    await start(async (request, response) => {
      await buffer(request).catch(() => undefined);
      response.end();
    });
    dial(POST);
    await pollUntil('one request', () => begun === 1);
    assert.equal(inFlight.count(), 0, 'an incomplete request is not counted');
    await closed('stalled', 1);
  });

  it('count at once for a method without a body, also when a body is announced and never sent', async () => {
    const over = Promise.withResolvers<undefined>();
    await start(async (_request, response) => {
      await over.promise;
      response.end();
    });
    for (const header of ['content-length: 1', 'transfer-encoding: chunked']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE']) {
        dial(`${method} / HTTP/1.1\r\nhost: localhost\r\n${header}\r\n\r\n`);
      }
    }
    await pollUntil('eight requests', () => begun === 8 || undefined);
    assert.equal(inFlight.count(), 8);
    over.resolve(undefined);
    await pollUntil('no work', () => inFlight.count() === 0 || undefined);
  });

  it('lose the oldest sockets if too many wait for their client', async () => {
    await start(async (request, response) => {
      await buffer(request).catch(() => undefined);
      response.end(LARGE);
    });
    const first = dial(POST);
    await pollUntil('one request', () => begun === 1);
    const all = Array.from({ length: MAX_WAITING }, () => dial(GET));
    await closed('too_many_waiting', 1);
    await pollUntil('the others', () => [...inFlight.responses()].length === MAX_WAITING);
    const reader = dial(GET);
    reader.resume();
    await once(reader, 'data');
    await closed('too_many_waiting', 2);
    first.resume();
    all[0]?.resume();
  });

  it('leave an idle connection open for longer than the stall time', async () => {
    await start(async (request, response) => {
      await buffer(request).catch(() => undefined);
      response.end('done');
    });
    const socket = dial(GET);
    socket.resume();
    await once(socket, 'data');
    let ended = false;
    socket.on('close', () => (ended = true));
    await stallTimeIsOver();
    assert.equal(ended, false);
    socket.write(GET);
    await once(socket, 'data');
  });
});
