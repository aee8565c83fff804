import { createServer, type Server, type Socket } from 'node:net';
import proxyaddr from 'proxy-addr';
import type { DirectorySettings } from '../../config/directory.ts';
import { throttleNetworks } from '../../domain/throttling/network.ts';
import { createTree } from '../directory/tree.ts';
import type { LdapDeps } from '../session.ts';
import { createTurns } from '../turns.ts';
import { Connection } from './connection.ts';
import { createHeldBytes } from './held-bytes.ts';
import { startSeries } from './observation.ts';
import { CONNECTION_TIMEOUTS, type ConnectionTimeouts } from './timeouts.ts';
import { createCurrentContext } from './tls.ts';

/** The LDAP servers of a process, not listening yet. */
export interface LdapServers {
  /** LDAP with StartTLS. */
  plain: Server;
  /** LDAP over TLS. */
  tls: Server;
  /** Rejects new connections, finishes operations in progress, and sends each client a notice of disconnection. */
  drain(): Promise<void>;
}

export interface ServerLimits {
  /** Open connections of one network, and of the process. Each holds a few kilobytes. */
  connectionsPerNetwork: number;
  connections: number;
  /** Bytes of messages and responses that all connections may hold. */
  heldBytes: number;
  timeouts: ConnectionTimeouts;
}

const SERVER_LIMITS: ServerLimits = {
  connectionsPerNetwork: 500,
  connections: 4_000,
  heldBytes: 64 * 1024 * 1024,
  timeouts: CONNECTION_TIMEOUTS,
};

/** @throws {Error} when the certificate cannot be used */
export function createLdapServers(
  settings: DirectorySettings,
  services: Omit<LdapDeps, 'tree' | 'isPlainAllowed'>,
  limits: ServerLimits = SERVER_LIMITS,
): LdapServers {
  const currentContext = createCurrentContext(settings, services.log);
  const isTrusted = proxyaddr.compile(['loopback', ...settings.plainNetworks]);
  startSeries(services.metrics);
  const deps: LdapDeps = {
    ...services,
    tree: createTree(settings.base),
    isPlainAllowed: (address) => isTrusted(address, 0),
  };
  const turns = createTurns();
  const onClosed = (): void => {
    deps.metrics.socketsClosed.inc({ reason: 'too_many_bytes' });
  };
  const heldBytes = createHeldBytes({ maxBytes: limits.heldBytes, onClosed });
  const open = new Map<Connection, string>();
  const perNetwork = new Map<string, number>();
  const accept = (socket: Socket, isImplicitTls: boolean): void => {
    const network = throttleNetworks(socket.remoteAddress ?? '')[0]?.name ?? '';
    const count = (perNetwork.get(network) ?? 0) + 1;
    if (count > limits.connectionsPerNetwork || open.size >= limits.connections) {
      deps.metrics.socketsClosed.inc({ reason: 'too_many_open' });
      socket.destroy();
      return;
    }
    perNetwork.set(network, count);
    const connection = new Connection(socket, {
      deps,
      turns,
      heldBytes,
      currentContext,
      timeouts: limits.timeouts,
      isImplicitTls,
    });
    open.set(connection, network);
    deps.metrics.ldapConnections.set(open.size);
    socket.once('close', () => {
      open.delete(connection);
      const rest = (perNetwork.get(network) ?? 1) - 1;
      if (rest === 0) perNetwork.delete(network);
      else perNetwork.set(network, rest);
      deps.metrics.ldapConnections.set(open.size);
    });
  };
  return {
    plain: createServer((socket) => {
      accept(socket, false);
    }),
    tls: createServer((socket) => {
      accept(socket, true);
    }),
    drain: async () => {
      const result = { result: 'unavailable', text: 'the service is stopping' } as const;
      await Promise.all([...open.keys()].map((connection) => connection.drain(result)));
    },
  };
}
