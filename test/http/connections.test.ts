import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, it } from 'node:test';

import { createConnections, type ConnectionLimits } from '../../src/http/server/connections.ts';
import { createInFlightTracker, type Handler, type InFlightTracker } from '../../src/http/server/in-flight-tracker.ts';
import { createHttpServer } from '../../src/http/server/server.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { pollUntil } from '../helpers/poll.ts';

/** Linux listens on the whole of 127.0.0.0/8, so each client has its own address. */
const [ATTACKER, SCHOOL, PHONE] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const PROXY = '127.0.0.9';
const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
const forwarded = (address: string): string => `x-forwarded-for: ${address}\r\n`;
const post = (headers = ''): string => `POST / HTTP/1.1\r\nhost: localhost\r\n${headers}content-length: 4\r\n\r\n`;

interface Client {
  socket: Socket;
  received(): string;
  isClosed(): boolean;
}

describe('connections', () => {
  let server: Server;
  let inFlight: InFlightTracker;
  let metrics: Metrics;
  let clients: Client[] = [];

  const start = async (limits: Partial<ConnectionLimits>, handle: Handler = answer): Promise<void> => {
    const log = createLogger('silent');
    metrics = createMetrics({ queueLength: () => 0 }, log);
    const connections = createConnections({ log, metrics, trustedProxies: [PROXY], limits });
    inFlight = createInFlightTracker(connections);
    server = createHttpServer(undefined, connections, inFlight.watch(handle)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  };
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    clients = [];
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  const open = async (localAddress: string | undefined, text = ''): Promise<Client> => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let received = '';
    let isClosed = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.on('close', () => (isClosed = true));
    const client = { socket, received: () => received, isClosed: () => isClosed };
    clients.push(client);
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return client;
  };
  const openMany = async (address: string | undefined, number: number, text = ''): Promise<Client[]> => {
    const all: Client[] = [];
    for (let i = 0; i < number; i += 1) all.push(await open(address, text));
    return all;
  };
  const answered = (client: Client, times = 1): Promise<true> =>
    pollUntil('an answer', () => client.received().split('HTTP/1.1 200 OK').length > times);
  const closedFor = (reason: string, number: number): Promise<true> =>
    pollUntil(`${String(number)} closed: ${reason}`, async () => {
      const text = await metrics.registry.metrics();
      return text.includes(`kinpass_sockets_closed_total{reason="${reason}"} ${String(number)}\n`);
    });
  const closedOf = (all: readonly Client[]): number[] => all.flatMap((one, at) => (one.isClosed() ? [at] : []));

  for (const [name, text] of [
    ['nothing', ''],
    ['half of a request head', 'GET / HT'],
  ] as const) {
    it(`close after the first-request timeout if the client sent ${name}`, async () => {
      await start({ firstRequestMs: 200 });
      const used = await open(SCHOOL, GET);
      await answered(used);
      const unused = await open(ATTACKER, text);
      await closedFor('no_request', 1);
      await pollUntil('closed', () => unused.isClosed());
      used.socket.write(GET);
      await answered(used, 2);
    });
  }

  it('of a trusted proxy stay open without a request and have no limit per network', async () => {
    await start({ firstRequestMs: 100, perNetwork: 2 });
    const all = await openMany(PROXY, 4);
    await open(ATTACKER);
    await closedFor('no_request', 1);
    assert.deepEqual(closedOf(all), []);
    for (const { socket } of all) socket.write(GET);
    await Promise.all(all.map((client) => answered(client)));
  });

  it('at the node limit: the oldest silent connection of the largest network closes', async () => {
    await start({ connections: 8 });
    const school = await openMany(SCHOOL, 2);
    const silent = await openMany(ATTACKER, 6);
    const phone = await open(PHONE, GET);
    await answered(phone);
    await closedFor('too_many_open', 1);
    await pollUntil('closed', () => silent[0]?.isClosed());
    assert.deepEqual([closedOf(school), closedOf(silent)], [[], [0]]);
    for (const { socket } of school) socket.write(GET);
    await Promise.all(school.map((client) => answered(client)));
  });

  it('at the node limit, all used: the oldest idle connection of the largest network closes', async () => {
    await start({ connections: 8 });
    const school = await openMany(SCHOOL, 2);
    const idle = await openMany(ATTACKER, 6, GET);
    await Promise.all(idle.map((client) => answered(client)));
    await answered(await open(PHONE, GET));
    await closedFor('too_many_open', 1);
    await pollUntil('closed', () => closedOf(idle).length === 1);
    assert.deepEqual(closedOf(school), []);
  });

  it('at the limit of a network: the oldest connection of this network closes and no other', async () => {
    await start({ perNetwork: 4 });
    const school = await openMany(SCHOOL, 4);
    const silent = await openMany(ATTACKER, 10);
    await closedFor('too_many_open', 6);
    await pollUntil('closed', () => closedOf(silent).length === 6);
    assert.deepEqual([closedOf(school), closedOf(silent)], [[], [0, 1, 2, 3, 4, 5]]);
  });

  it('with requests in flight stay open at the node limit, and a new connection is rejected', async () => {
    const over = Promise.withResolvers<undefined>();
    await start({ connections: 4 }, async (_request, response) => {
      await over.promise;
      response.end();
    });
    const busy = await openMany(SCHOOL, 4, GET);
    await pollUntil('work', () => inFlight.count() === 4);
    const newBrowser = await open(PHONE);
    await closedFor('refused', 1);
    await pollUntil('closed', () => newBrowser.isClosed());
    over.resolve(undefined);
    await Promise.all(busy.map((client) => answered(client)));
  });

  for (const [name, hop, headersOf] of [
    ['from its own address', undefined, () => ''],
    ['through a trusted proxy', PROXY, (attacker: boolean) => forwarded(attacker ? '203.0.113.1' : '203.0.113.2')],
    [
      'through a trusted proxy, from changing IPv6 subnets',
      PROXY,
      (attacker: boolean, at: number) => forwarded(`2001:db8:${attacker ? '1' : '2'}:${String(at)}::1`),
    ],
  ] as const) {
    it(`that wait for their client: the oldest one of the largest network closes (${name})`, async () => {
      await start({ waiting: 6 }, readBody);
      const phone = await open(hop ?? PHONE, post(headersOf(false, 0)));
      await pollUntil('the request', () => [...inFlight.responses()].length === 1);
      const attack: Client[] = [];
      for (let at = 0; at < 10; at += 1) attack.push(await open(hop ?? ATTACKER, post(headersOf(true, at))));
      await closedFor('too_many_waiting', 5);
      await pollUntil('closed', () => closedOf(attack).length === 5);
      phone.socket.write('body');
      await answered(phone);
    });
  }
});

function answer(...[, response]: Parameters<Handler>): Promise<void> {
  response.end('done');
  return Promise.resolve();
}

async function readBody(...[request, response]: Parameters<Handler>): Promise<void> {
  await buffer(request).catch(() => undefined);
  response.end();
}
