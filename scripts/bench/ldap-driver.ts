import { once } from 'node:events';
import { connect } from 'node:net';
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
import { OID } from '../../src/ldap/protocol.ts';
import { bindMessage } from '../../test/helpers/ldap-client.ts';

const ENTRY_TAG = 0x64;
const CONTROLS_TAG = 0xa0;
const SCOPE_SUBTREE = 2;
/** Most requests of a connection at the same time. Their message ids have one byte. */
const MAX_OUTSTANDING = 64;

/** The last message of an operation, with the number of entries before it. */
export interface LdapReply {
  code: number;
  entries: number;
  /** The bytes of the message. */
  message: Buffer;
}

/** A connection with little CPU time, because the load driver shares the cores with the service. It does not decode entries. */
export interface LdapConnection {
  /** Sends a request. Requests of the same turn of the event loop are one write. Its message id is replaced. */
  request(message: Buffer, onEntry?: (message: Buffer) => void): Promise<LdapReply>;
  close(): void;
}

interface Outstanding {
  entries: number;
  onEntry: ((message: Buffer) => void) | undefined;
  resolve: (reply: LdapReply) => void;
  reject: (error: Error) => void;
}

/** Returns the position of the message id, which has one byte. */
function idOffset(message: Buffer, start = 0): number {
  const length = message[start + 1] ?? 0;
  return start + (length < 0x80 ? 0 : length - 0x80) + 4;
}

/** @returns the end of the message that begins at `start`; undefined while its length is not complete */
function messageEnd(bytes: Buffer, start: number): number | undefined {
  const length = bytes[start + 1];
  if (length === undefined) return undefined;
  if (length < 0x80) return start + 2 + length;
  const count = length - 0x80;
  return bytes.length < start + 2 + count ? undefined : start + 2 + count + bytes.readUIntBE(start + 2, count);
}

export async function connectLdap(port: number): Promise<LdapConnection> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const outstanding = new Map<number, Outstanding>();
  const freeIds = Array.from({ length: MAX_OUTSTANDING }, (_, at) => at + 1);
  let rest: Buffer = Buffer.alloc(0);
  const receive = (message: Buffer): void => {
    const at = idOffset(message);
    const id = message[at] ?? 0;
    const operation = outstanding.get(id);
    if (operation === undefined) throw new Error(`the server ended the connection or sent message ${id} unasked`);
    if (message[at + 1] === ENTRY_TAG) {
      operation.entries += 1;
      operation.onEntry?.(message);
      return;
    }
    outstanding.delete(id);
    freeIds.push(id);
    operation.resolve({ code: resultCode(message, at + 1), entries: operation.entries, message });
  };
  socket.on('data', (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (;;) {
      const end = messageEnd(bytes, start);
      if (end === undefined || end > bytes.length) break;
      receive(bytes.subarray(start, end));
      start = end;
    }
    rest = bytes.subarray(start);
  });
  socket.on('close', () => {
    for (const { reject } of outstanding.values()) reject(new Error('the server closed the connection'));
  });
  return {
    request: (message, onEntry) =>
      new Promise((resolve, reject) => {
        const id = freeIds.pop();
        if (id === undefined) throw new RangeError(`more than ${MAX_OUTSTANDING} requests at the same time`);
        outstanding.set(id, { entries: 0, onEntry, resolve, reject });
        const bytes = Buffer.from(message);
        bytes[idOffset(bytes)] = id;
        if (socket.writableCorked === 0) {
          socket.cork();
          process.nextTick(() => {
            socket.uncork();
          });
        }
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

/** Reads the result code: the first element of the operation. */
function resultCode(message: Buffer, at: number): number {
  const length = message[at + 1] ?? 0;
  return message[at + 2 + (length < 0x80 ? 0 : length - 0x80) + 2] ?? -1;
}

/** Connects and binds. @throws {Error} when the server refuses the password */
export async function bindLdap(port: number, name: string, password: string): Promise<LdapConnection> {
  const connection = await connectLdap(port);
  const { code } = await connection.request(bindMessage(1, name, password));
  if (code !== 0) throw new Error(`bind of ${name} failed with result ${code}`);
  return connection;
}

export interface SearchOptions {
  base: string;
  filter: Node;
  attributes: readonly string[];
  page?: { size: number; cookie: Buffer };
}

/** Returns a search of the subtree. */
export function searchMessage({ base, filter, attributes, page }: SearchOptions): Buffer {
  const limits = [integer(SCOPE_SUBTREE, TAG.enumerated), integer(0, TAG.enumerated), integer(0), integer(0)];
  const typesOnly = { tag: TAG.boolean, content: Buffer.from([0]) };
  const selection = { tag: TAG.sequence, content: attributes.map((name) => octets(name)) };
  const search = { tag: 0x63, content: [octets(base), ...limits, typesOnly, filter, selection] };
  const content: Node[] = [integer(1), search];
  if (page !== undefined) {
    const value = encode({ tag: TAG.sequence, content: [integer(page.size), octets(page.cookie)] });
    const control = { tag: TAG.sequence, content: [octets(OID.pagedResults), octets(value)] };
    content.push({ tag: CONTROLS_TAG, content: [control] });
  }
  return encode({ tag: TAG.sequence, content });
}

export function equality(attribute: string, value: string): Node {
  return { tag: 0xa3, content: [octets(attribute), octets(value)] };
}

/** Reads the cookie of a page: empty after the last one. */
export function readCookie(message: Buffer): Buffer {
  const [, , controls] = readElements(readElement(message).content);
  const [control] = readElements(controls?.content ?? Buffer.alloc(0));
  const value = readElements(control?.content ?? Buffer.alloc(0)).at(-1);
  if (value === undefined) throw new Error('the response has no page control');
  return readElements(readElement(value.content).content)[1]?.content ?? Buffer.alloc(0);
}

export interface LdapEntry {
  name: string;
  attributes: ReadonlyMap<string, readonly string[]>;
}

export function readEntry(message: Buffer): LdapEntry {
  const [id, operation] = readElements(readElement(message).content);
  readUnsigned(id);
  const [name, list] = readElements(operation?.content ?? Buffer.alloc(0));
  const attributes = new Map(
    readElements(list?.content ?? Buffer.alloc(0)).map(({ content }) => {
      const [type, values] = readElements(content);
      const texts = readElements(values?.content ?? Buffer.alloc(0)).map((value) => value.content.toString('utf8'));
      return [type?.content.toString('utf8') ?? '', texts];
    }),
  );
  return { name: name?.content.toString('utf8') ?? '', attributes };
}
