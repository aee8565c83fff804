/** A proxy and the service may read different lines of a repeated header, so the service rejects it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { startService, type TestService } from '../helpers/service.ts';

describe('a request with a repeated header', () => {
  let service: TestService;
  let host: string;
  before(async () => {
    service = await startService({ clients: [], city: false });
    ({ host } = new URL(service.issuer));
  });
  after(() => service.stop());

  /** Sends the text unchanged. @returns the bytes received until the connection closes or a second has passed */
  const exchange = (text: string): Promise<{ answer: string; closed: boolean }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(service.issuer);
      const socket = connect({ host: hostname, port: Number(port) });
      let answer = '';
      let closed = true;
      socket.setTimeout(1_000, () => {
        closed = false;
        socket.destroy();
      });
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      socket.on('error', reject);
      socket.on('close', () => {
        resolve({ answer, closed });
      });
      socket.write(text);
    });
  const request = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
  const isRefused = async (text: string): Promise<void> => {
    const { answer, closed } = await exchange(text);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, text);
    assert.match(answer, /\r\nconnection: close\r\n/i, text);
    assert.doesNotMatch(answer, /200 OK/, text);
    assert.ok(closed, text);
  };

  it('succeeds when each line appears once', async () => {
    const { answer } = await exchange(request('GET /health/live HTTP/1.1', `Host: ${host}`, 'Connection: close'));
    assert.match(answer, /^HTTP\/1\.1 200 OK/);
    const old = await exchange(request('GET /health/live HTTP/1.0'));
    assert.match(old.answer, /^HTTP\/1\.1 200 OK/, 'HTTP/1.0 has no Host');
  });

  it('gets 400 and a closed connection for two Host lines, equal or not (RFC 9112, 3.2)', async () => {
    for (const [first, second] of [
      [`Host: ${host}`, 'Host: evil.example'],
      ['Host: evil.example', `host: ${host}`],
      [`HOST: ${host}`, `Host: ${host}`],
    ] as const) {
      for (const path of ['/health/live', '/account', '/jwks', '/.well-known/openid-configuration']) {
        await isRefused(request(`GET ${path} HTTP/1.1`, first, 'Accept: */*', second));
      }
    }
    const next = request('GET /health/live HTTP/1.1', `Host: ${host}`);
    await isRefused(request('GET /health/live HTTP/1.1', `Host: ${host}`, 'Host: evil.example') + next);
  });

  it('gets 400 with a missing or an empty Host', async () => {
    await isRefused(request('GET /health/live HTTP/1.1', 'Accept: */*'));
    await isRefused(request('GET /health/live HTTP/1.1', 'Host:'));
    await isRefused(request('GET /health/live HTTP/1.1', 'Host:   '));
  });

  it('gets 400 for two Authorization lines, two lengths, and a length with an encoding', async () => {
    await isRefused(request('GET /me HTTP/1.1', `Host: ${host}`, 'Authorization: Bearer a', 'authorization: Bearer b'));
    const post = ['POST /token HTTP/1.1', `Host: ${host}`];
    await isRefused(request(...post, 'Content-Length: 1', 'Content-Length: 2') + 'ab');
    await isRefused(request(...post, 'Content-Length: 1', 'Content-Length: 1') + 'a');
    await isRefused(request(...post, 'Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n');
    await isRefused(request(...post, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity') + '0\r\n\r\n');
  });
});
