import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { duplexPair } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';

import { octets } from '../../src/ldap/codec/ber.ts';
import { OID } from '../../src/ldap/protocol.ts';
import { BASE, SERVICE_SECRET, serviceName, type TestDirectory } from './directory.ts';
import { createFuzzer } from './ldap-fuzz-messages.ts';
import { bindMessage, connectLdap, searchMessage } from './ldap-client.ts';
import { pollUntil } from './poll.ts';

export interface FuzzOptions {
  port: number;
  tlsPort: number;
  pdus: number;
  seed: number;
}

const countsSchema = z.object({
  sent: z.number(),
  connections: z.number(),
  /** Chunks of bytes with responses. */
  responses: z.number(),
  disconnections: z.number(),
});
export type FuzzCounts = z.infer<typeof countsSchema>;

export interface FuzzReport extends FuzzCounts {
  seconds: number;
  /** Median latency of a client that sends valid messages: without the broken messages, and meanwhile. */
  quietMs: number;
  busyMs: number;
}

/** Time between two measurements. */
const OBSERVE_MS = 20;

/** Sends broken messages. @throws {AssertionError} when a connection does not end, or the service stops serving another client */
export async function fuzzDirectory(
  directory: TestDirectory,
  { pdus, seed }: { pdus: number; seed: number },
): Promise<FuzzReport> {
  const observer = await createObserver(directory);
  const quietMs = await observer.median(50);
  const start = performance.now();
  const workerData: FuzzOptions = { port: directory.port, tlsPort: directory.tlsPort, pdus, seed };
  const worker = new Worker(new URL('./ldap-fuzz-worker.ts', import.meta.url), { workerData });
  const done = once(worker, 'message');
  const busyMs = await observer.medianUntil(done);
  const received: unknown[] = await done;
  const seconds = (performance.now() - start) / 1000;
  observer.close();
  const { ldapConnections } = directory.service.container.metrics;
  await pollUntil('all connections are closed', async () => (await ldapConnections.get()).values[0]?.value === 0);
  return { ...countsSchema.parse(received[0]), seconds, quietMs, busyMs };
}

/** Another address than the other client has: wrong secrets throttle their address. */
const FED_ADDRESS = '127.0.0.2';
/** Connections at the same time, without TCP. */
const FED_CONNECTIONS = 4;

/**
 * Sends broken messages to the connections of the service in the same process, without TCP. That takes a third of the CPU time.
 *
 * @returns the number of messages, and of notices of disconnection
 */
export async function fuzzConnections(
  { service }: TestDirectory,
  { pdus, seed }: { pdus: number; seed: number },
): Promise<Pick<FuzzCounts, 'sent' | 'disconnections'>> {
  const { ldap } = service.container;
  assert.ok(ldap, 'the directory is off');
  const { createMessages, toBytes } = createFuzzer(seed);
  const counts = { sent: 0, disconnections: 0 };
  const feed = async (): Promise<void> => {
    while (counts.sent < pdus) {
      const messages = createMessages();
      counts.sent += messages.length;
      const responses = await feedConnection(ldap.plain, toBytes(messages));
      if (responses.includes(OID.noticeOfDisconnection)) counts.disconnections += 1;
    }
  };
  await Promise.all(Array.from({ length: FED_CONNECTIONS }, feed));
  return counts;
}

/** Opens a connection, sends bytes, and waits until the server has closed it. @returns the responses */
async function feedConnection(server: Server, bytes: Buffer): Promise<Buffer> {
  const [client, accepted] = duplexPair();
  // As a socket: it ends when its peer ends.
  accepted.allowHalfOpen = false;
  const closed = once(accepted, 'close');
  server.emit('connection', Object.assign(accepted, { remoteAddress: FED_ADDRESS, setNoDelay: () => accepted }));
  const responses: Buffer[] = [];
  client.on('data', (chunk: Buffer) => responses.push(chunk)).end(bytes);
  await closed;
  return Buffer.concat(responses);
}

/** A client that sends valid messages one after the other. */
async function createObserver({ port }: TestDirectory): Promise<{
  median(count: number): Promise<number>;
  medianUntil(done: Promise<unknown>): Promise<number>;
  close(): void;
}> {
  const client = await connectLdap(port);
  client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
  assert.equal((await client.next()).code, 0);
  const uid = { tag: 0xa3, content: [octets('uid'), octets('an.wang')] };
  const measure = async (): Promise<number> => {
    const start = performance.now();
    client.send(searchMessage(2, BASE, uid));
    assert.equal((await client.next()).code, 0);
    return performance.now() - start;
  };
  const medianOf = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  return {
    median: async (count) => {
      const times: number[] = [];
      for (let round = 0; round < 2 * count; round += 1) times.push(await measure());
      return medianOf(times.slice(count));
    },
    medianUntil: async (done) => {
      const state = { isDone: false };
      const end = (): void => {
        state.isDone = true;
      };
      done.then(end, end);
      const times: number[] = [];
      while (!state.isDone) {
        times.push(await measure());
        await new Promise((resolve) => setTimeout(resolve, OBSERVE_MS));
      }
      return medianOf(times);
    },
    close: () => client.socket.destroy(),
  };
}
