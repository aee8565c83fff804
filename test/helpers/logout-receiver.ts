import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';
import { z } from 'zod';

import { freePort } from './ports.ts';

const logoutToken = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().min(1),
  sub: z.string().min(1),
  sid: z.string().min(1).optional(),
  // The value is an empty object (OpenID Connect Back-Channel Logout 1.0, section 2.4).
  events: z.strictObject({ 'http://schemas.openid.net/event/backchannel-logout': z.strictObject({}) }),
});

export type LogoutToken = z.infer<typeof logoutToken>;

/** The back-channel logout endpoint of a relying party; it verifies every token. */
export interface LogoutReceiver {
  url: string;
  /** Valid tokens in the order of arrival. */
  received: LogoutToken[];
  /** Number of requests, including rejected ones. */
  requestCount: number;
  /** Sets the response status; `undefined` restores 200. */
  respondWith(status: number | undefined): void;
  /** Waits for this number of valid tokens, then removes and returns them. */
  take(count: number): Promise<LogoutToken[]>;
  close(): Promise<void>;
}

/** Timeout for a logout token. The outbox delivers it while other tests load the machine. */
const TIMEOUT_MS = 30_000;

const open = new Set<Server>();

/** Closes receivers that a failed test left open; they would keep this process alive. */
after(async () => {
  await Promise.all([...open].map(closeServer));
});

async function closeServer(server: Server): Promise<void> {
  if (!open.delete(server)) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** @param issuer read at each token, because the service starts after the receiver */
export async function startLogoutReceiver(issuer: () => string, clientId: string): Promise<LogoutReceiver> {
  const port = await freePort();
  const events = new EventEmitter();
  let broken: number | undefined;
  const read = async (body: string): Promise<LogoutToken> => {
    const form = new URLSearchParams(body);
    assert.deepEqual([...form.keys()], ['logout_token']);
    const keys = createRemoteJWKSet(new URL('/jwks', issuer()));
    const { payload, protectedHeader } = await jwtVerify(form.get('logout_token') ?? '', keys, {
      issuer: issuer(),
      audience: clientId,
      typ: 'logout+jwt',
      algorithms: ['ES256', 'RS256'],
      clockTolerance: 5,
    });
    assert.ok(protectedHeader.kid);
    return logoutToken.parse(payload);
  };
  const receiver: LogoutReceiver = {
    url: `http://localhost:${String(port)}/backchannel-logout`,
    received: [],
    requestCount: 0,
    respondWith: (status) => {
      broken = status;
    },
    take: async (count) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      while (receiver.received.length < count) {
        await once(events, 'asked', { signal }).catch(() => {
          assert.fail(`${String(receiver.received.length)} of ${String(count)} logout tokens arrived`);
        });
      }
      return receiver.received.splice(0);
    },
    close: () => closeServer(server),
  };
  const server = createServer((request, response) => {
    const answer = async (): Promise<number> => {
      receiver.requestCount += 1;
      const body = await text(request);
      if (broken !== undefined) return broken;
      assert.deepEqual([request.method, request.url], ['POST', '/backchannel-logout']);
      assert.match(request.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/);
      receiver.received.push(await read(body));
      return 200;
    };
    answer()
      .catch((error: unknown) => {
        process.stderr.write(`logout token rejected: ${String(error)}\n`);
        return 400;
      })
      .then((status) => {
        response.writeHead(status).end();
        events.emit('asked');
      });
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  open.add(server);
  return receiver;
}

/**
 * Starts a receiver for all tests of a file. Its URL exists when the tests run.
 *
 * @param issuer read at each token, because the service starts after the receiver
 */
export function useLogoutReceiver(
  issuer: () => string,
  clientId = 'app',
): Pick<LogoutReceiver, 'url' | 'received' | 'requestCount' | 'take'> {
  let receiver: LogoutReceiver;
  before(async () => {
    receiver = await startLogoutReceiver(issuer, clientId);
  });
  after(() => receiver.close());
  return {
    get url() {
      return receiver.url;
    },
    get received() {
      return receiver.received;
    },
    get requestCount() {
      return receiver.requestCount;
    },
    set requestCount(count) {
      receiver.requestCount = count;
    },
    take: (count) => receiver.take(count),
  };
}
