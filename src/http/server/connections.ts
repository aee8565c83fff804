import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { throttleNetworks, type Network } from '../../domain/throttling/network.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { createClientAddress, type ClientAddress, peerOf } from '../middleware/issuer-origin.ts';
import { createNetworkPool, type Largest, type NetworkPool } from './network-pool.ts';

/** A request and its response, until the response is sent. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** True if the response is generated; it may not be sent yet. */
  isGenerated: boolean;
}

export interface Connection {
  readonly socket: Socket;
  /** Unsent responses, in the order of the requests. */
  readonly exchanges: Set<Exchange>;
  /** Widest first; undefined for a trusted proxy. */
  readonly networks: readonly Network[] | undefined;
  place: Place | undefined;
  firstRequest: NodeJS.Timeout | undefined;
}

/** The pool of a connection. A connection is in at most one. */
interface Place {
  pool: Pool;
  networks: readonly Network[];
}

type Pool = NetworkPool<Connection>;

export interface ConnectionLimits {
  /** Open connections of this node, those of proxies included. */
  connections: number;
  /** Open connections of one client network. */
  perNetwork: number;
  /** Connections whose client has to send the rest of a request or to read a response. */
  waiting: number;
  /** Time from the connection to its first complete request head, in milliseconds. */
  firstRequestMs: number;
  /** Longest time without a byte from or to a client that the service waits for, in milliseconds. */
  stallMs: number;
}

/**
 * - `connections`: with the maximum of requests in flight, they use less than the 256 MB heap of `npm start`.
 * - `perNetwork`: half of a node. A school of 600 behind one address opens three connections for each browser.
 * - `waiting`: our pages fit into the kernel's send buffer, so only an attacker waits for long.
 * - `firstRequestMs`: a head of 16 KiB takes 7 s at 20 kbit/s.
 * - `stallMs`: does not apply while the client waits for the service, such as for the database (15 s for each write) or a hash.
 */
const LIMITS: ConnectionLimits = {
  connections: 5_000,
  perNetwork: 2_500,
  waiting: 1_000,
  firstRequestMs: 15_000,
  stallMs: 30_000,
};

type Reason = 'pipelined' | 'stalled' | 'too_many_waiting' | 'no_request' | 'too_many_open' | 'refused';

/**
 * The open connections of a node, each in at most one pool:
 *
 *     connected ──▶ silent ──request head──▶ (busy, in no pool) ──all responses sent──▶ idle
 *                                             │          ▲  ▲                            │
 *          body incomplete or response unsent │          │  └──────── next request ──────┘
 *                                             ▼          │
 *                                           waiting ─────┘ body complete, or response sent and the next exchange begins
 *
 * A connection of a trusted proxy is in no pool except `waiting`. At a limit, the oldest connection of the network with the most connections is closed, so an attacker
 * with one address closes its own. Connections of trusted proxies carry requests of many clients: they are not counted by network, not
 * closed for a new connection, and may be idle.
 */
export interface Connections {
  /** Tracks the connections of a server. Call it once, after Node has added its own listeners. */
  attach(server: Server, event: 'connection' | 'secureConnection'): void;
  find(socket: Socket): Connection | undefined;
  list(): Iterable<Connection>;
  /** Call it when the service works on a request. */
  setBusy(connection: Connection): void;
  /** Call it when all responses are sent. */
  setIdle(connection: Connection): void;
  /** Call it when the exchange waits for the client. */
  setWaiting(connection: Connection, exchange: Exchange): void;
  close(connection: Connection, reason: Reason): void;
}

interface Deps {
  log: Logger;
  metrics: Metrics;
  trustedProxies: readonly string[];
  limits?: Partial<ConnectionLimits>;
}

/** Returns true if the first response on the connection waits for the client. */
function waitsAtFirstExchange({ exchanges }: Connection): boolean {
  const [first] = exchanges;
  return first !== undefined && waitsForClient(first);
}

/** Returns true if the client has to send the rest of the request or to read the response. */
export function waitsForClient({ request, isGenerated }: Exchange): boolean {
  return isGenerated || !request.complete;
}

export function createConnections(deps: Deps): Connections {
  const limits = { ...LIMITS, ...deps.limits };
  const clients = createClientAddress(deps.trustedProxies);
  const open = new Map<Socket, Connection>();
  const pools = createPools();
  const forget = (connection: Connection): void => {
    open.delete(connection.socket);
    leavePools(connection);
    if (connection.networks !== undefined) pools.all.delete(connection, connection.networks);
  };
  const close = (connection: Connection, reason: Reason): void => {
    forget(connection);
    connection.socket.destroy();
    report(deps, reason);
  };
  const canOpen = createAdmission(limits, pools, open, close);
  const add = (socket: Socket): void => {
    const connection = createConnection(socket, clients);
    const { networks } = connection;
    if (!canOpen(networks)) {
      close(connection, 'refused');
      return;
    }
    open.set(socket, connection);
    socket.once('close', () => {
      forget(connection);
    });
    if (networks === undefined) return;
    pools.all.add(connection, networks);
    move(connection, placeIn(pools.silent, connection));
    connection.firstRequest = setTimeout(close, limits.firstRequestMs, connection, 'no_request').unref();
  };
  return {
    attach: (server, event) => {
      server.on(event, add);
      server.on('timeout', (socket: Socket) => {
        const connection = open.get(socket);
        // Without an exchange, this is the keep-alive timeout.
        if (connection === undefined || connection.exchanges.size === 0) socket.destroy();
        else if (waitsAtFirstExchange(connection)) close(connection, 'stalled');
      });
    },
    find: (socket) => open.get(socket),
    list: () => open.values(),
    setBusy: leavePools,
    setIdle: (connection) => {
      if (!connection.socket.destroyed) move(connection, placeIn(pools.idle, connection));
    },
    setWaiting: (connection, { request }) => {
      // Behind a proxy, this is the address of the client.
      const networks = widestFirst(clients.of(request));
      move(connection, { pool: pools.waiting, networks });
      connection.socket.setTimeout(limits.stallMs);
      const largest = pools.waiting.size() > limits.waiting ? pools.waiting.largest() : undefined;
      if (largest !== undefined) close(largest.member, 'too_many_waiting');
    },
    close,
  };
}

function widestFirst(address: string): Network[] {
  return throttleNetworks(address).toReversed();
}

function createConnection(socket: Socket, clients: ClientAddress): Connection {
  const address = peerOf(socket);
  const networks = clients.isTrusted(address) ? undefined : widestFirst(address);
  return { socket, networks, exchanges: new Set(), place: undefined, firstRequest: undefined };
}

function report({ log, metrics }: Deps, reason: Reason): void {
  runBestEffort({ log, metrics }, 'metrics', () => {
    metrics.socketsClosed.inc({ reason });
  });
  log.debug({ reason }, 'socket closed');
}

interface Pools {
  /** All connections that do not come from a trusted proxy. */
  all: Pool;
  /** Connections without a complete request head yet. */
  silent: Pool;
  /** Connections between two requests. */
  idle: Pool;
  /** Connections that wait for their client. */
  waiting: Pool;
}

function createPools(): Pools {
  return {
    all: createNetworkPool(),
    silent: createNetworkPool(),
    idle: createNetworkPool(),
    waiting: createNetworkPool(),
  };
}

function leavePools(connection: Connection): void {
  clearTimeout(connection.firstRequest);
  connection.firstRequest = undefined;
  move(connection, undefined);
}

/** @returns undefined for a trusted proxy, which is in no pool */
function placeIn(pool: Pool, { networks }: Connection): Place | undefined {
  return networks === undefined ? undefined : { pool, networks };
}

function move(connection: Connection, place: Place | undefined): void {
  const { place: last } = connection;
  if (last !== undefined) last.pool.delete(connection, last.networks);
  connection.place = place;
  if (place !== undefined) place.pool.add(connection, place.networks);
}

/**
 * Creates a function that returns true if a connection of these networks may be opened. At a limit it first closes another connection:
 * one without a request, or else one that waits for its client.
 */
function createAdmission(
  limits: ConnectionLimits,
  pools: Pools,
  open: ReadonlyMap<Socket, Connection>,
  close: (connection: Connection, reason: Reason) => void,
): (networks: readonly Network[] | undefined) => boolean {
  const closeOne = (candidates: readonly (Largest<Connection> | undefined)[]): boolean => {
    const [first] = candidates.filter((candidate) => candidate !== undefined).sort((a, b) => b.share - a.share);
    if (first !== undefined) close(first.member, 'too_many_open');
    return first !== undefined;
  };
  const closeUnused = (within?: Network): boolean =>
    closeOne([pools.silent.largest(within), pools.idle.largest(within)]);
  return (networks) => {
    const widest = networks?.[0];
    if (widest !== undefined && pools.all.size(widest) >= limits.perNetwork && !closeUnused(widest)) return false;
    return open.size < limits.connections || closeUnused() || closeOne([pools.waiting.largest()]);
  };
}
