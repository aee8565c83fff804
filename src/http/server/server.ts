import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts';
import type { Tls } from '../../config/tls.ts';
import type { Connections } from './connections.ts';
import { stopParsingWhenDestroyed } from './stop-parsing.ts';

/** The only ciphers that are allowed with TLS 1.2 (BCP 195; FAPI 2.0 Security Profile, section 5.2.2). */
const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];
const TLS13_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/**
 * In milliseconds; longer than the keep-alive timeout of proxies (60 s in nginx and most others). The proxy must close idle connections
 * first, or it sends a request on a connection that the service is closing.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75 * SECOND_MS;

/**
 * In milliseconds, for a whole request. Node checks it every 30 seconds, so a slow client holds its connection and the memory of an upload for
 * at most 90. Uploads through a proxy arrive at once, because the proxy buffers them.
 */
const REQUEST_TIMEOUT_MS = MINUTE_MS;

/** Connections count by network only after the TLS handshake. Until then, this timeout (in milliseconds) and number limit them. */
const HANDSHAKE_TIMEOUT_MS = 15 * SECOND_MS;
const MAX_TLS_CONNECTIONS = 5_000;

/** Creates the HTTP server: plain HTTP behind a proxy, or TLS with its own certificate in the conformance profile. */
export function createHttpServer(
  tls: Tls | undefined,
  connections: Pick<Connections, 'attach'>,
  handle: RequestListener,
): Server {
  // `handle` rejects a missing Host: requests that Node rejects itself are not counted as in flight.
  const options = {
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requireHostHeader: false,
  };
  const ciphers = [...TLS13_CIPHERS, ...TLS12_CIPHERS].join(':');
  const server =
    tls === undefined
      ? createServer(options, handle)
      : createTlsServer(
          { ...tls, ...options, minVersion: 'TLSv1.2', ciphers, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
          handle,
        );
  const event = tls === undefined ? 'connection' : 'secureConnection';
  // Without a listener, Node responds with 417 itself.
  server.on('checkExpectation', handle);
  stopParsingWhenDestroyed(server, event);
  connections.attach(server, event);
  if (tls !== undefined) server.maxConnections = MAX_TLS_CONNECTIONS;
  return server;
}
