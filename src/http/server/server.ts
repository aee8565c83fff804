import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Tls } from '../../config/tls.ts';
import type { Connections } from './connections.ts';
import { stopParsingWhenDestroyed } from './stop-parsing.ts';

/** With TLS 1.2 nothing else is allowed (BCP 195; FAPI 2.0 Security Profile, section 5.2.2). */
const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];
const TLS13_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/**
 * Idle connections are kept longer than proxies keep theirs (60 s at nginx and most others): the side that sends has to be the one
 * that closes, or a request meets a connection that is just ending. In milliseconds.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** A whole request with the largest body that is taken (56 KiB) arrives within this time on any line, in milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000;

/** Connections are counted by network when the TLS handshake is complete; until then these limit them. In milliseconds. */
const HANDSHAKE_MS = 15_000;
const MAX_TLS_CONNECTIONS = 5_000;

/** The server of the web face: plain behind a proxy, and with a certificate of its own in the conformance profile. */
export function createHttpServer(
  tls: Tls | undefined,
  connections: Pick<Connections, 'attach'>,
  handle: RequestListener,
): Server {
  // `handle` refuses a missing Host itself: what Node answers by itself is not counted as a request in flight.
  const options = {
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requireHostHeader: false,
  };
  const ciphers = [...TLS13_CIPHERS, ...TLS12_CIPHERS].join(':');
  const server =
    tls === undefined
      ? createServer(options, handle)
      : createTlsServer({ ...tls, ...options, minVersion: 'TLSv1.2', ciphers, handshakeTimeout: HANDSHAKE_MS }, handle);
  const event = tls === undefined ? 'connection' : 'secureConnection';
  // Without a listener Node answers 417 by itself.
  server.on('checkExpectation', handle);
  stopParsingWhenDestroyed(server, event);
  connections.attach(server, event);
  if (tls !== undefined) server.maxConnections = MAX_TLS_CONNECTIONS;
  return server;
}
