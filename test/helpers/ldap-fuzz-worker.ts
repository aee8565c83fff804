/** Sends broken messages, in its own thread: the service and its other client have the main thread. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

import { OID } from '../../src/ldap/protocol.ts';
import { extendedMessage } from './ldap-client.ts';
import { createFuzzer } from './ldap-fuzz-messages.ts';
import type { FuzzCounts, FuzzOptions } from './ldap-fuzz.ts';

/** Connections at the same time. */
const WRITERS = 4;
/** One of so many connections uses StartTLS, and one LDAPS. Handshakes take more time than messages. */
const TLS_SHARE = 50;

const { port, tlsPort, pdus, seed } = workerData as FuzzOptions;
const { pick, createMessages, toBytes } = createFuzzer(seed);
const counts: FuzzCounts = { sent: 0, connections: 0, responses: 0, disconnections: 0 };

async function fuzzConnection(): Promise<void> {
  const kind = pick(TLS_SHARE);
  const { socket, stream } = await connectFuzzer(
    { port, tlsPort },
    kind === 0 ? 'startTls' : kind === 1 ? 'ldaps' : 'plain',
  );
  const closed = new Promise((resolve) => socket.once('close', resolve));
  stream.on('data', (bytes: Buffer) => {
    counts.responses += 1;
    if (bytes.includes(OID.noticeOfDisconnection)) counts.disconnections += 1;
  });
  const messages = createMessages();
  counts.connections += 1;
  counts.sent += messages.length;
  // The end of the client is behind its messages. The service does not wait for the rest of a message.
  stream.end(toBytes(messages));
  await closed;
}

async function connectFuzzer(
  at: { port: number; tlsPort: number },
  kind: 'plain' | 'startTls' | 'ldaps',
): Promise<{ socket: Socket; stream: Duplex }> {
  const socket = connectTcp(kind === 'ldaps' ? at.tlsPort : at.port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  if (kind === 'plain') return { socket, stream: socket };
  if (kind === 'startTls') {
    socket.write(extendedMessage(1, OID.startTls));
    await once(socket, 'data');
  }
  const [inner, outer] = duplexPair();
  socket.pipe(outer).pipe(socket);
  const stream = connectTls({ socket: inner, rejectUnauthorized: false }).on('error', () => undefined);
  await once(stream, 'secureConnect');
  return { socket, stream };
}

await Promise.all(
  Array.from({ length: WRITERS }, async () => {
    while (counts.sent < pdus) await fuzzConnection();
  }),
);
parentPort?.postMessage(counts);
