import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../services/logger.ts';
import type { Metrics } from '../services/metrics.ts';
import { beside } from '../services/side-effects.ts';

/** Answers one request. The promise resolves when the response is generated; it may not be sent yet. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface InFlightLimits {
  /** Requests in flight on one socket. */
  perSocket: number;
  /** Sockets that wait for their client to send the rest of a request or to read a response. */
  waitingSockets: number;
  /** Time without a byte from or to a client that the service waits for, in milliseconds. */
  stallMs: number;
}

/**
 * Browsers and proxies send the next request after the last response, so they have one in flight; each more takes about 5 KB. Responses
 * of our pages fit into the kernel's buffer, so only an attacker has a socket that waits for longer than a moment. A request that waits
 * for the database (15 s for each write) or for a hash is never cut by the stall time: then the client waits for the service.
 */
const LIMITS: InFlightLimits = { perSocket: 4, waitingSockets: 1_000, stallMs: 30_000 };

export interface InFlight {
  /** Counts the complete requests whose response is not generated yet. A response that waits for a slow reader costs no work. */
  count(): number;
  /** Lists the responses that are not sent yet. */
  responses(): Iterable<ServerResponse>;
  /**
   * Returns a listener that handles the requests of a socket one after another, each when the last response is sent, and closes the
   * sockets of clients that pipeline too much or stop sending or reading.
   */
  watch(handle: Handler): RequestListener;
}

interface Entry {
  request: IncomingMessage;
  response: ServerResponse;
  isGenerated: boolean;
}

type Entries = Map<ServerResponse, Entry>;
type Reason = 'pipelined' | 'stalled' | 'too_many_waiting';

interface Deps {
  log: Logger;
  metrics: Metrics;
  limits?: InFlightLimits | undefined;
}

export function createInFlight({ log, metrics, limits = LIMITS }: Deps): InFlight {
  const close = (socket: Socket, reason: Reason): void => {
    socket.destroy();
    beside({ log, metrics }, 'metrics', () => {
      metrics.socketsClosed.inc({ reason });
    });
    log.info({ reason }, 'socket closed');
  };
  const waiting = createWaiting(limits.waitingSockets, (socket) => {
    close(socket, 'too_many_waiting');
  });
  const sockets = createSockets(waiting);
  const work = { running: 0 };
  return {
    count: () => work.running,
    responses: () => sockets.responses(),
    watch: (handle) => (request, response) => {
      const { socket } = request;
      // Node's parser continues with the rest of a packet after its socket was destroyed.
      if (socket.destroyed) return;
      const entries = sockets.entriesOf(socket);
      if (entries.size >= limits.perSocket) {
        close(socket, 'pipelined');
        return;
      }
      const entry = { request, response, isGenerated: false };
      entries.set(response, entry);
      const begin = (one: Entry): void => void run(handle, one, waiting, work);
      response.once('close', () => {
        entries.delete(response);
        const [next] = entries.values();
        if (next === undefined) waiting.remove(socket);
        else if (!socket.destroyed) begin(next);
      });
      // Between two requests Node measures by `keepAliveTimeout` instead.
      socket.setTimeout(limits.stallMs);
      response.on('timeout', () => {
        if (waitsForClient(entry)) close(socket, 'stalled');
      });
      if (entries.size === 1) begin(entry);
    },
  };
}

async function run(handle: Handler, entry: Entry, waiting: Waiting, work: { running: number }): Promise<void> {
  const { request, response } = entry;
  let counted = 0;
  const count = (): void => {
    counted = 1;
    work.running += 1;
    waiting.remove(request.socket);
  };
  // A request that is only announced costs a socket and no work.
  if (hasBody(request)) {
    request.once('end', count);
    waiting.add(entry);
  } else count();
  try {
    await handle(request, response);
  } finally {
    request.off('end', count);
    work.running -= counted;
    entry.isGenerated = true;
    waiting.add(entry);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function waitsForClient({ request, isGenerated }: Entry): boolean {
  return isGenerated || !request.complete;
}

/** The unsent responses of each open socket, in the order of the requests. */
function createSockets(waiting: Waiting): {
  entriesOf(socket: Socket): Entries;
  responses(): Iterable<ServerResponse>;
} {
  const sockets = new Map<Socket, Entries>();
  return {
    entriesOf: (socket) => {
      const known = sockets.get(socket);
      if (known !== undefined) return known;
      const entries: Entries = new Map();
      sockets.set(socket, entries);
      // A response that waits behind another one on the same socket never says that it is closed.
      socket.once('close', () => {
        sockets.delete(socket);
        waiting.remove(socket);
      });
      return entries;
    },
    responses: () => sockets.values().flatMap((entries) => entries.keys()),
  };
}

/** The sockets that wait for their client. Above the limit the one that waits for the longest time is closed. */
interface Waiting {
  /** Adds the socket if it still waits when the event loop comes around: most bodies are complete then, and most responses sent. */
  add(entry: Entry): void;
  remove(socket: Socket): void;
}

function createWaiting(limit: number, close: (socket: Socket) => void): Waiting {
  const sockets = new Set<Socket>();
  return {
    add: (entry) => {
      setImmediate(() => {
        const { socket } = entry.request;
        if (socket.destroyed || entry.response.closed || !waitsForClient(entry)) return;
        sockets.add(socket);
        const [oldest] = sockets;
        if (sockets.size <= limit || oldest === undefined) return;
        sockets.delete(oldest);
        close(oldest);
      });
    },
    remove: (socket) => {
      sockets.delete(socket);
    },
  };
}
