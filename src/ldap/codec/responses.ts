import { OID, RESULT, type Control, type Entry, type Request, type Result } from '../protocol.ts';
import { encode, headerSize, integer, octets, TAG, writeHeader, type Node } from './ber.ts';

type Answered = Exclude<Request['kind'], 'unbind' | 'abandon'>;
const RESPONSE_TAG: Readonly<Record<Answered, number>> = {
  bind: 0x61,
  search: 0x65,
  modify: 0x67,
  add: 0x69,
  delete: 0x6b,
  modify_dn: 0x6d,
  compare: 0x6f,
  extended: 0x78,
};
const ENTRY_TAG = 0x64;
const CONTROLS_TAG = 0xa0;
const RESPONSE_NAME_TAG = 0x8a;
const RESPONSE_VALUE_TAG = 0x8b;

/** Encodes the result of an operation. */
export function encodeResult(id: number, kind: Answered, result: Result): Buffer {
  const { value, controls = [] } = result;
  const response = resultNodes(result);
  if (kind === 'extended' && value !== undefined) response.push(octets(value, RESPONSE_VALUE_TAG));
  return encodeMessage(id, { tag: RESPONSE_TAG[kind], content: response }, controls);
}

/** Bytes of responses that are written together. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes of the first responses: most searches find one entry. */
const FIRST_BYTES = 2 * 1024;

/** The responses of a connection that are not written yet, in one buffer. */
export interface ResponseBuffer {
  /** Encodes an entry of a search. @returns earlier responses that are to be written now, because the buffer is full */
  addEntry(id: number, entry: Entry): Buffer | undefined;
  /** Adds an encoded message. @returns as `addEntry` */
  add(message: Buffer): Buffer | undefined;
  /** Takes all bytes; none if there is no response. An idle connection holds no buffer. */
  take(): Buffer;
}

const NO_BYTES = Buffer.alloc(0);

export function createResponseBuffer(): ResponseBuffer {
  let buffer = NO_BYTES;
  let used = 0;
  let numbered = { id: 0, bytes: encode(integer(0)) };
  const sizes: number[] = [];
  const take = (): Buffer => {
    const bytes = buffer.subarray(0, used);
    [buffer, used] = [NO_BYTES, 0];
    return bytes;
  };
  const reserve = (size: number): Buffer | undefined => {
    const full = used > 0 && used + size > CHUNK_BYTES ? take() : undefined;
    if (used + size > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, used === 0 ? FIRST_BYTES : CHUNK_BYTES));
      buffer.copy(larger, 0, 0, used);
      buffer = larger;
    }
    return full;
  };
  return {
    take,
    add: (message) => {
      const full = reserve(message.length);
      used += message.copy(buffer, used);
      return full;
    },
    addEntry: (id, entry) => {
      if (id !== numbered.id) numbered = { id, bytes: encode(integer(id)) };
      sizes.length = 0;
      const full = reserve(measureEntry(numbered.bytes, entry, sizes));
      used = writeEntry(buffer, used, { id: numbered.bytes, entry, sizes });
      return full;
    },
  };
}

const sizeOf = (content: number): number => headerSize(content) + content;

/**
 * Returns the size of a message with an entry (RFC 4511, section 4.5.2). The general encoder needs several objects and copies for each
 * value, and an entry has up to 30.
 *
 * @param id the encoded message id
 * @param sizes gets the content sizes of the elements of the entry, in the order in which they are written
 */
function measureEntry(id: Buffer, { name, attributes }: Entry, sizes: number[]): number {
  const nameSize = Buffer.byteLength(name);
  sizes.push(0, 0, nameSize, 0);
  let listSize = 0;
  for (const attribute of attributes) {
    const at = sizes.length;
    const typeSize = Buffer.byteLength(attribute.name);
    sizes.push(0, typeSize, 0);
    let setSize = 0;
    for (const value of attribute.values) {
      const valueSize = Buffer.byteLength(value);
      sizes.push(valueSize);
      setSize += sizeOf(valueSize);
    }
    const size = sizeOf(typeSize) + sizeOf(setSize);
    sizes[at] = size;
    sizes[at + 2] = setSize;
    listSize += sizeOf(size);
  }
  const entrySize = sizeOf(nameSize) + sizeOf(listSize);
  const messageSize = id.length + sizeOf(entrySize);
  [sizes[0], sizes[1], sizes[3]] = [messageSize, entrySize, listSize];
  return sizeOf(messageSize);
}

interface MeasuredEntry {
  id: Buffer;
  entry: Entry;
  sizes: readonly number[];
}

/** @returns the place behind the message */
function writeEntry(buffer: Buffer, start: number, { id, entry: { name, attributes }, sizes }: MeasuredEntry): number {
  let at = start;
  let next = 0;
  const begin = (tag: number): void => {
    at = writeHeader(buffer, at, tag, sizes[next++] ?? 0);
  };
  const write = (text: string): void => {
    begin(TAG.octets);
    at += buffer.write(text, at);
  };
  begin(TAG.sequence);
  at += id.copy(buffer, at);
  begin(ENTRY_TAG);
  write(name);
  begin(TAG.sequence);
  for (const attribute of attributes) {
    begin(TAG.sequence);
    write(attribute.name);
    begin(TAG.set);
    for (const value of attribute.values) write(value);
  }
  return at;
}

/** Encodes the message before the service closes a connection (RFC 4511, section 4.4.1). */
export function encodeDisconnection(result: Result): Buffer {
  const content = [...resultNodes(result), octets(OID.noticeOfDisconnection, RESPONSE_NAME_TAG)];
  return encodeMessage(0, { tag: RESPONSE_TAG.extended, content }, []);
}

function resultNodes({ result, text = '', matched = '' }: Result): Node[] {
  return [integer(RESULT[result], TAG.enumerated), octets(matched), octets(text)];
}

function encodeMessage(id: number, operation: Node, controls: readonly Control[]): Buffer {
  const content: Node[] = [integer(id), operation];
  if (controls.length > 0) {
    content.push({
      tag: CONTROLS_TAG,
      content: controls.map(({ oid, value }): Node => {
        return { tag: TAG.sequence, content: [octets(oid), ...(value === undefined ? [] : [octets(value)])] };
      }),
    });
  }
  return encode({ tag: TAG.sequence, content });
}
