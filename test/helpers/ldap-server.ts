import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';

import { createLdapServers, type LdapServers } from '../../src/ldap/server/listeners.ts';
import { RESULT } from '../../src/ldap/protocol.ts';
import { CONNECTION_TIMEOUTS, type ConnectionTimeouts } from '../../src/ldap/server/timeouts.ts';
import type { LdapDeps } from '../../src/ldap/session.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import type { DirectoryClient } from '../../src/services/directory/directory.ts';
import { createTrustedCertificate, type TestCertificate } from './certificate.ts';
import { BASE, SERVICE_SECRET, serviceName } from './directory-account.ts';
import { directoryPerson } from './directory-person.ts';
import { bindMessage, connectLdap, type RawLdap } from './ldap-client.ts';
import { createCapturedLog } from './log.ts';

/** A directory without a database: one service account, and people with long names. */
export interface LdapServer {
  servers: LdapServers;
  certificate: TestCertificate;
  metrics: Metrics;
  logged(): string;
  port: number;
  tlsPort: number;
  /** The sockets of the server, in the order in which they were accepted. */
  accepted: Socket[];
  /** Each next connection comes from this address. */
  setPeer(address: string | undefined): void;
  /** Operations and binds of a service account wait until the returned function is called. */
  hold: () => () => void;
  /** Returns the number of reads of people. */
  reads: () => number;
  connections(): Promise<number>;
  stop(): Promise<void>;
}

export interface LdapServerOptions {
  timeouts?: Partial<ConnectionTimeouts>;
  connectionsPerNetwork?: number;
  connections?: number;
  heldBytes?: number;
  plainNetworks?: readonly string[];
  /** Number of people. Default: 0. */
  people?: number;
}

const NAME = '名'.repeat(500);
const CLIENT: DirectoryClient = {
  clientId: 'radius',
  sector: 'radius.example',
  entitlements: { scopes: ['openid', 'profile'], schoolTypes: [], permissions: [] },
  shownSchoolTypes: [],
  canScan: true,
  secretHashes: ['hash'],
};

export async function startLdapServer(options: LdapServerOptions = {}): Promise<LdapServer> {
  const certificate = createTrustedCertificate();
  const captured = createCapturedLog('info');
  const { log } = captured;
  const metrics = createMetrics({ queueLength: () => 0 }, log);
  const { services, hold, reads } = createServices(options.people ?? 0);
  const { certFile, keyFile } = certificate;
  const servers = createLdapServers(
    {
      ...{ host: '127.0.0.1', port: 0, tlsPort: 0, base: BASE, certFile, keyFile },
      plainNetworks: options.plainNetworks ?? [],
    },
    { ...services, log, metrics },
    {
      connectionsPerNetwork: options.connectionsPerNetwork ?? 500,
      connections: options.connections ?? 1_000,
      heldBytes: options.heldBytes ?? 64 * 1024 * 1024,
      timeouts: { ...CONNECTION_TIMEOUTS, ...options.timeouts },
    },
  );
  const accepted: Socket[] = [];
  let peer: string | undefined;
  for (const server of [servers.plain, servers.tls]) {
    server.prependListener('connection', (socket) => {
      accepted.push(socket);
      if (peer !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: peer });
    });
  }
  const [port, tlsPort] = [await listen(servers.plain), await listen(servers.tls)];
  return {
    ...{ servers, certificate, metrics, port, tlsPort, accepted, hold, reads },
    logged: () => captured.text(),
    setPeer: (address) => {
      peer = address;
    },
    connections: async () => (await metrics.ldapConnections.get()).values[0]?.value ?? 0,
    stop: async () => {
      servers.plain.close();
      servers.tls.close();
      await servers.drain();
      certificate.remove();
    },
  };
}

/** Starts a directory that stops after the test. */
export async function startLdapServerFor(t: TestContext, options?: LdapServerOptions): Promise<LdapServer> {
  const server = await startLdapServer(options);
  t.after(() => server.stop());
  return server;
}

/** Connects and binds the service account. @param at a port, or the path of a Unix socket */
export async function connectBound({ port }: LdapServer, at: number | string = port): Promise<RawLdap> {
  const client = await connectLdap(at);
  client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
  assert.equal((await client.next()).code, RESULT.success);
  return client;
}

/** Returns a service that has only these methods. A test that needs another one fails with its name. */
function only<T extends object>(methods: Partial<T>): T {
  return new Proxy(methods as T, {
    get: (target, name) =>
      Reflect.get(target, name) ?? (() => Promise.reject(new Error(`${String(name)} is not part of this server`))),
  });
}

type TestDeps = Omit<LdapDeps, 'tree' | 'isPlainAllowed' | 'log' | 'metrics'>;

function createServices(people: number): Pick<LdapServer, 'hold' | 'reads'> & { services: TestDeps } {
  let held = Promise.resolve<undefined>(undefined);
  const findClient = async (): Promise<DirectoryClient> => {
    await held;
    return CLIENT;
  };
  const binds = only<LdapDeps['binds']>({
    bindService: async (_clientId, secret) => {
      await held;
      return secret === SERVICE_SECRET ? { secretHash: 'hash' } : 'wrong_secret';
    },
  });
  let reads = 0;
  const directory = only<LdapDeps['directory']>({
    findClient,
    openHandle: () => undefined,
    listPeople: (_client, after, limit) => {
      reads += 1;
      const first = Number(after) + 1;
      const end = Math.min(first + limit, people + 1);
      const ids = Array.from({ length: end - first }, (_, at) => String(first + at));
      return Promise.resolve({
        people: ids.map((id) => directoryPerson(id, NAME)),
        next: end > people ? undefined : String(end - 1),
      });
    },
  });
  const scanAudit = { recordStart: () => Promise.resolve() };
  return {
    reads: () => reads,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      held = promise;
      return () => {
        resolve(undefined);
      };
    },
    services: only<TestDeps>({ directory, binds, scanAudit }),
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP.
  const address = server.address() as AddressInfo;
  return address.port;
}
