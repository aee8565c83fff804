import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { waitsForClient, type Connection, type Connections, type Exchange } from './connections.ts';

/** Answers one request. The promise resolves when the response is generated; it may not be sent yet. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Requests in flight on one socket. Browsers and proxies send the next request after the last response, so they have one; each more takes
 * about 5 KB.
 */
const MAX_PER_SOCKET = 4;

export interface InFlightTracker {
  /** Counts the complete requests whose response is not generated yet. A response that waits for a slow reader costs no work. */
  count(): number;
  /** Lists the responses that are not sent yet. */
  responses(): Iterable<ServerResponse>;
  /**
   * Returns a listener that handles the requests of a socket one after another, each when the last response is sent, and closes the
   * sockets of clients that pipeline too much.
   */
  watch(handle: Handler): RequestListener;
}

export function createInFlightTracker(connections: Connections, maxPerSocket = MAX_PER_SOCKET): InFlightTracker {
  const work = { running: 0 };
  return {
    count: () => work.running,
    responses: function* () {
      for (const { exchanges } of connections.list()) for (const { response } of exchanges) yield response;
    },
    watch: (handle) => (request, response) => {
      const { socket } = request;
      const connection = connections.find(socket);
      // Node's parser continues with the rest of a packet after its socket was destroyed.
      if (socket.destroyed || connection === undefined) return;
      const { exchanges } = connection;
      if (exchanges.size >= maxPerSocket) {
        connections.close(connection, 'pipelined');
        return;
      }
      const begin = (one: Exchange): void => {
        connections.setBusy(connection);
        void run(handle, { connections, connection, exchange: one, work });
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
  work: { running: number };
}

async function run(handle: Handler, { connections, connection, exchange, work }: Run): Promise<void> {
  const { request, response } = exchange;
  const isAnnounced = hasBody(request);
  let counted = 0;
  const count = (): void => {
    counted = 1;
    work.running += 1;
    connections.setBusy(connection);
  };
  // A request that is only announced costs a socket and no work.
  if (isAnnounced) {
    request.once('end', count);
    waitLater(connections, connection, exchange);
  } else {
    counted = 1;
    work.running += 1;
  }
  try {
    await handle(request, response);
  } finally {
    if (isAnnounced) request.off('end', count);
    work.running -= counted;
    exchange.isGenerated = true;
    // The kernel takes most responses at once.
    if (!response.writableEnded || response.writableLength > 0) waitLater(connections, connection, exchange);
  }
}

/** Most bodies are complete when the event loop comes around, and most responses are sent. */
function waitLater(connections: Connections, connection: Connection, exchange: Exchange): void {
  setImmediate(() => {
    if (connection.socket.destroyed || exchange.response.closed || !waitsForClient(exchange)) return;
    connections.setWaiting(connection, exchange);
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
