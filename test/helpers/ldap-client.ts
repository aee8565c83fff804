import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import {
  encode,
  integer,
  octets,
  readElement,
  readElements,
  readUnsigned,
  TAG,
  type Node,
} from '../../src/ldap/codec/ber.ts';
import { createFramer } from '../../src/ldap/codec/framing.ts';
import { encodeRequest } from './ldap-encoding.ts';

/** A message of the server: the tag of the operation and its result code. */
export interface RawMessage {
  id: number;
  tag: number;
  code: number;
}

/** A connection that sends any bytes. */
export interface RawLdap {
  /** The connection to the server, below TLS. */
  socket: Socket;
  send(...messages: readonly Buffer[]): void;
  /** Begins TLS. */
  secure(): Promise<void>;
  /** Returns the number of entries so far. */
  entries(): number;
  /** Returns the next message that is no entry. */
  next(): Promise<RawMessage>;
  /** Resolves when the server has closed the connection. */
  closed: Promise<unknown>;
}

const ENTRY_TAG = 0x64;

/** @param at a port, or the path of a Unix socket */
export async function connectLdap(at: number | string): Promise<RawLdap> {
  const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at);
  // The server may reset a connection that it refuses.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const framer = createFramer(() => 2 ** 20);
  let entries = 0;
  let stream: Duplex = socket;
  const messages: RawMessage[] = [];
  const waiting: ((message: RawMessage) => void)[] = [];
  const receive = (chunk: Buffer): void => {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      const message = decode(frame);
      if (message.tag === ENTRY_TAG) {
        entries += 1;
        continue;
      }
      const take = waiting.shift();
      if (take === undefined) messages.push(message);
      else take(message);
    }
  };
  socket.on('data', receive);
  await once(socket, 'connect');
  return {
    socket,
    closed,
    entries: () => entries,
    send: (...list) => {
      stream.write(Buffer.concat(list));
    },
    secure: async () => {
      socket.off('data', receive);
      // A pair of streams, so that `socket.write` sends bytes below TLS.
      const [inner, outer] = duplexPair();
      socket.pipe(outer).pipe(socket);
      const secured = connectTls({ socket: inner, host: '127.0.0.1' });
      stream = secured.on('error', () => undefined).on('data', receive);
      await once(secured, 'secureConnect');
    },
    next: () => {
      const message = messages.shift();
      return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
    },
  };
}

function decode(frame: Buffer): RawMessage {
  const [id, operation] = readElements(readElement(frame).content);
  if (operation === undefined) throw new Error('message has no operation');
  const code = operation.tag === ENTRY_TAG ? 0 : readUnsigned(readElements(operation.content)[0], TAG.enumerated);
  return { id: readUnsigned(id), tag: operation.tag, code };
}

export function message(id: number, operation: Node): Buffer {
  return encode({ tag: TAG.sequence, content: [integer(id), operation] });
}

export function bindMessage(id: number, name: string, password: string): Buffer {
  return encodeRequest({ id, request: { kind: 'bind', version: 3, name, password }, controls: [] });
}

export function extendedMessage(id: number, oid: string, value?: Buffer): Buffer {
  return encodeRequest({ id, request: { kind: 'extended', oid, value }, controls: [] });
}

const SCOPES = { base: 0, one: 1, sub: 2 } as const;

/** @param filter the bytes of the filter; default: `(objectClass=*)` */
export function searchMessage(
  id: number,
  base: string,
  filter: Node = octets('objectClass', 0x87),
  scope: keyof typeof SCOPES = 'sub',
): Buffer {
  const limits = [integer(SCOPES[scope], TAG.enumerated), integer(0, TAG.enumerated), integer(0), integer(0)];
  const typesOnly = { tag: TAG.boolean, content: Buffer.from([0]) };
  const attributes = { tag: TAG.sequence, content: [] };
  return message(id, { tag: 0x63, content: [octets(base), ...limits, typesOnly, filter, attributes] });
}

/** Returns a filter of so many nested negations. */
export function nestedFilter(depth: number): Node {
  let length = 2;
  const headers: Buffer[] = [];
  for (let level = 0; level < depth; level += 1) {
    const header = Buffer.from([0xa2, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]);
    headers.push(header);
    length += header.length;
  }
  const [outer, ...inner] = headers.reverse();
  return { tag: outer?.[0] ?? 0, content: Buffer.concat([...inner, Buffer.from([0x87, 0])]) };
}
