/** The warnings about a reverse proxy that is not configured as the service expects. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';

import { z } from 'zod';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { createProxyCheck } from '../../src/http/server/proxy-check.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { createCapturedLog, type CapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';
import { send } from '../helpers/raw-http.ts';

const warning = z.object({ problem: z.string(), peer: z.string(), sent: z.array(z.string()) });
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

interface Checked {
  origin: string;
  kept: CapturedLog;
  warnings: () => z.infer<typeof warning>[];
  count: (problem: string) => Promise<number>;
  advance: (ms: number) => void;
  /** Sends a request as if it came from this address. */
  requestFrom: (address: string, headers?: Record<string, string>, url?: string) => void;
}

async function serve(trustedProxies: readonly string[]): Promise<Checked> {
  const kept = createCapturedLog();
  const metrics = createMetrics({ queueLength: () => 0 }, kept.log);
  let now = 0;
  const check = createProxyCheck({
    ...{ issuer: 'https://id.city.example', trustedProxies, log: kept.log, metrics },
    clock: { now: () => now },
  });
  const handle = check.watch((_request, response) => {
    response.end('ok');
  });
  const server = createServer(handle).listen(0, '127.0.0.1');
  servers.push(server);
  check.watchConnections(server);
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    kept,
    warnings: () =>
      kept
        .text()
        .split('\n')
        .filter((line) => line.includes('proxy misconfigured'))
        .map((line) => warning.parse(JSON.parse(line))),
    count: async (problem) => {
      const text = await metrics.registry.metrics();
      return Number(new RegExp(`kinpass_proxy_problems_total\\{problem="${problem}"\\} (\\d+)`).exec(text)?.[1]);
    },
    advance: (ms) => {
      now += ms;
    },
    requestFrom: (address, headers = {}, url = '/') => {
      const request = { socket: { remoteAddress: address }, headers, url };
      server.emit('request', request, { end: () => undefined });
    },
  };
}

describe('a proxy', () => {
  it('that is not trusted is named in one warning an hour, for each header that names the client', async () => {
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
      const { origin, warnings, count, advance } = await serve([]);
      for (let at = 0; at < 3; at += 1) await send(origin, '/', { headers: { [header]: '203.0.113.7' } });
      assert.deepEqual(warnings(), [{ problem: 'untrusted', peer: '127.0.0.1', sent: [header] }]);
      assert.equal(await count('untrusted'), 3);
      advance(HOUR_MS);
      await send(origin, '/', { headers: { [header]: '203.0.113.7' } });
      assert.equal(warnings().length, 2);
    }
  });

  it('that is trusted and sends X-Forwarded-For causes no warning, nor do its health checks', async () => {
    const { origin, warnings } = await serve(['127.0.0.1']);
    await send(origin, '/', { headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' } });
    await send(origin, '/health/ready');
    assert.deepEqual(warnings(), []);
  });

  it('that is trusted but sends another header, or none, does not name the client', async () => {
    const { origin, warnings } = await serve(['127.0.0.1']);
    await send(origin, '/', { headers: { 'x-real-ip': '203.0.113.7' } });
    assert.deepEqual(warnings(), [{ problem: 'no_client_address', peer: '127.0.0.1', sent: ['x-real-ip'] }]);
  });

  it('that accepts http for an https issuer is reported', async () => {
    const { origin, warnings } = await serve(['127.0.0.1']);
    await send(origin, '/', { headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'http' } });
    assert.deepEqual(warnings(), [{ problem: 'http', peer: '127.0.0.1', sent: ['x-forwarded-proto'] }]);
  });

  it('that speaks the PROXY protocol is reported, in both versions', async () => {
    for (const start of ['PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\n\r\n', '\r\n\r\n\0\r\nQUIT\n!']) {
      const { origin, warnings } = await serve([]);
      const socket = connect(Number(new URL(origin).port), '127.0.0.1');
      socket.end(Buffer.from(start, 'latin1')).resume();
      await once(socket, 'close');
      const found = await pollUntil('the warning', () => warnings()[0]);
      assert.deepEqual(found, { problem: 'proxy_protocol', peer: '127.0.0.1', sent: [] });
    }
  });
});

describe('devices that send the headers themselves', () => {
  it('are logged by network, and at most 100 networks in an hour', async () => {
    const { requestFrom, warnings, count, kept } = await serve(['10.0.0.0/8']);
    const forged = { 'x-forwarded-for': 'someone@parents.example' };
    requestFrom('203.0.113.77', forged);
    requestFrom('203.0.113.78', forged);
    requestFrom('::ffff:203.0.113.79', forged);
    requestFrom('2001:db8:1:2:3:4:5:6', forged);
    requestFrom('192.168.1.20', forged);
    assert.deepEqual(
      warnings().map(({ peer }) => peer),
      ['203.0.113.0/24', '2001:db8:1::/48', '192.168.1.20'],
    );
    for (let at = 0; at < 500; at += 1) requestFrom(`198.51.${String(at % 250)}.${String(at % 7)}`, forged);
    assert.equal(warnings().length, 100);
    assert.equal(await count('untrusted'), 505);
    assert.ok(!kept.text().includes('someone'));
  });
});
