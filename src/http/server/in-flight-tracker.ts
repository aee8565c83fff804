import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { waitsForClient, type Connection, type Connections, type Exchange } from './connections.ts';

/** Handles one request. The promise resolves when the response is generated; it may not be sent yet. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Requests in flight on one socket. Browsers and proxies have one, because they send the next request after the last response. Each
 * further one uses about 5 KB.
 */
const MAX_PER_SOCKET = 4;

/**
 * Tracks the exchanges of each socket. An exchange has these states; the tracker moves its connection accordingly (connections.ts):
 *
 *     queued ──▶ waits for its body ──body complete──▶ counted ──response generated──▶ waits for its client ──sent──▶ removed
 *        │                                                ▲
 *        └───────────────── no body announced ────────────┘
 *
 * - Only the first exchange of a socket runs; later ones are queued until its response is sent.
 * - `count` includes the counted state only, because an exchange that waits for its client causes no work.
 */
export interface InFlightTracker {
  /** Counts the complete requests whose response is not generated yet. A response that waits for a slow client is not counted. */
  count(): number;
  /** Lists the responses that are not sent yet. */
  responses(): Iterable<ServerResponse>;
  /**
   * Returns a listener that handles the requests of a socket one after another. Closes the sockets of clients that pipeline more than
   * the limit.
   */
  watch(handle: Handler): RequestListener;
}

export function createInFlightTracker(connections: Connections, maxPerSocket = MAX_PER_SOCKET): InFlightTracker {
  const counter = { running: 0 };
  return {
    count: () => counter.running,
    responses: function* () {
      for (const { exchanges } of connections.list()) for (const { response } of exchanges) yield response;
    },
    watch: (handle) => (request, response) => {
      const { socket } = request;
      const connection = connections.find(socket);
      // Node's parser continues with the rest of a packet after its socket is destroyed.
      if (socket.destroyed || connection === undefined) return;
      const { exchanges } = connection;
      if (exchanges.size >= maxPerSocket) {
        connections.close(connection, 'pipelined');
        return;
      }
      const begin = (next: Exchange): void => {
        connections.setBusy(connection);
        void run(handle, { connections, connection, exchange: next, counter });
      };
      const exchange = { request, response, isGenerated: false };
      exchanges.add(exchange);
      response.once('close', () => {
        exchanges.delete(exchange);
        if (exchanges.size === 0) connections.setIdle(connection);
        else if (!socket.destroyed) for (const next of [...exchanges].slice(0, 1)) begin(next);
      });
      if (exchanges.size === 1) begin(exchange);
    },
  };
}

interface Run {
  connections: Connections;
  connection: Connection;
  exchange: Exchange;
  counter: { running: number };
}

async function run(handle: Handler, { connections, connection, exchange, counter }: Run): Promise<void> {
  const { request, response } = exchange;
  const hasPendingBody = awaitsBody(request);
  let isCounted = false;
  const count = (): void => {
    isCounted = true;
    counter.running += 1;
    connections.setBusy(connection);
  };
  // A request whose body is incomplete is not counted, because it causes no work yet.
  if (hasPendingBody) {
    request.once('end', count);
    setWaitingLater(connections, connection, exchange);
  } else {
    isCounted = true;
    counter.running += 1;
  }
  try {
    await handle(request, response);
  } finally {
    if (hasPendingBody) request.off('end', count);
    counter.running -= isCounted ? 1 : 0;
    exchange.isGenerated = true;
    // The kernel accepts most responses at once.
    if (!response.writableEnded || response.writableLength > 0) setWaitingLater(connections, connection, exchange);
  }
}

/** Deferred, because most bodies are complete and most responses sent in the next turn of the event loop. */
function setWaitingLater(connections: Connections, connection: Connection, exchange: Exchange): void {
  setImmediate(() => {
    if (connection.socket.destroyed || exchange.response.closed || !waitsForClient(exchange)) return;
    connections.setWaiting(connection, exchange);
  });
}

/** No handler reads a body of these methods, so their work begins with the headers (RFC 9110, 9.3.1). */
const METHODS_WITHOUT_BODY = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** Returns true if the handler waits for a body that the headers announce. */
function awaitsBody({ method, headers }: IncomingMessage): boolean {
  if (METHODS_WITHOUT_BODY.has(method ?? '')) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
