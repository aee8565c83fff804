import asn1 from '@ldapjs/asn1';

/*
 * The only file that imports `@ldapjs/asn1`. LDAP uses a subset of BER: definite lengths, and tags of one byte (RFC 4511, section 5.1).
 */

/** A tag with its content. The content of a constructed element is read by another `readElements`. */
export interface Element {
  tag: number;
  content: Buffer;
}

/** An element to write, with bytes or with other elements. */
export interface Node {
  tag: number;
  content: Buffer | readonly Node[];
}

/** The bytes are not the encoding of an LDAP message. */
export class DecodeError extends Error {
  override name = 'DecodeError';
}

/** The bytes are a message of LDAP, with more than the service reads. */
export class LimitError extends DecodeError {
  override name = 'LimitError';
}

/** Most elements of one content. Reading 1 MiB of empty elements takes 0.4 s. */
const MAX_ELEMENTS = 1_000;

export const TAG = { boolean: 0x01, integer: 0x02, octets: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const;

/**
 * Reads all elements of a content.
 *
 * @throws {DecodeError} when the bytes are not a row of complete elements
 * @throws {LimitError}
 */
export function readElements(bytes: Buffer, most = MAX_ELEMENTS): Element[] {
  const reader = new asn1.BerReader(bytes);
  const elements: Element[] = [];
  while (reader.remain > 0) {
    if (elements.length === most) throw new LimitError(`more than ${most} elements`);
    const before = reader.offset;
    const tag = reader.peek();
    const content = tag === null ? null : readContent(reader, tag);
    // The reader computes lengths of four bytes with 32 bits, so a length of 2 GiB or more is negative and moves the offset back.
    if (tag === null || content === null || reader.length < 0 || reader.offset <= before) {
      throw new DecodeError('length of an element does not fit its content');
    }
    elements.push({ tag, content });
  }
  return elements;
}

function readContent(reader: { readString(tag: number, asBuffer: true): Buffer | null }, tag: number): Buffer | null {
  try {
    return reader.readString(tag, true);
  } catch (cause) {
    throw new DecodeError('length of an element is not valid', { cause });
  }
}

/** Reads a content that is exactly one element. @throws {DecodeError} */
export function readElement(bytes: Buffer): Element {
  const [element, ...rest] = readElements(bytes);
  if (element === undefined || rest.length > 0) throw new DecodeError('expected one element');
  return element;
}

/** @throws {DecodeError} when the element is missing or has another tag */
export function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new DecodeError(`expected tag ${tag}, found ${element?.tag ?? 'none'}`);
  return element.content;
}

/** Most bytes of a number: LDAP has none above 2³¹ - 1 (RFC 4511, section 4.1.1). */
const MAX_INTEGER_BYTES = 4;

/** @throws {DecodeError} when the element is no integer from 0 to 2³¹ - 1 */
export function readUnsigned(element: Element | undefined, tag: number = TAG.integer): number {
  const content = contentOf(element, tag);
  if (content.length === 0 || content.length > MAX_INTEGER_BYTES) throw new DecodeError('integer has a wrong length');
  const value = content.readIntBE(0, content.length);
  if (value < 0) throw new DecodeError('integer is negative');
  return value;
}

/** @throws {DecodeError} when the element is no boolean */
export function readBoolean(element: Element | undefined): boolean {
  const content = contentOf(element, TAG.boolean);
  if (content.length !== 1) throw new DecodeError('boolean has a wrong length');
  return content[0] !== 0;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws {DecodeError} when the bytes are not UTF-8 */
export function readText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new DecodeError('text is not UTF-8', { cause });
  }
}

export function octets(value: string | Buffer, tag: number = TAG.octets): Node {
  return { tag, content: typeof value === 'string' ? Buffer.from(value, 'utf8') : value };
}

/** Returns a number from 0 to 2³¹ - 1. */
export function integer(value: number, tag: number = TAG.integer): Node {
  const bytes = Buffer.alloc(MAX_INTEGER_BYTES);
  bytes.writeInt32BE(value);
  // The shortest form: the first bit is the sign.
  let start = 0;
  while (start < MAX_INTEGER_BYTES - 1 && bytes[start] === 0 && (bytes[start + 1] ?? 0) < 0x80) start += 1;
  return { tag, content: bytes.subarray(start) };
}

/** Returns the size of the tag and the length of an element. */
export function headerSize(contentSize: number): number {
  if (contentSize < 0x80) return 2;
  if (contentSize < 0x100) return 3;
  if (contentSize < 0x10000) return 4;
  return contentSize < 0x1000000 ? 5 : 6;
}

/** Writes the tag and the length of an element. @returns the place behind them */
export function writeHeader(buffer: Buffer, at: number, tag: number, contentSize: number): number {
  buffer[at] = tag;
  const bytes = headerSize(contentSize) - 2;
  if (bytes === 0) buffer[at + 1] = contentSize;
  else {
    buffer[at + 1] = 0x80 + bytes;
    buffer.writeUIntBE(contentSize, at + 2, bytes);
  }
  return at + 2 + bytes;
}

export function encode(node: Node): Buffer {
  const writer = new asn1.BerWriter();
  const write = ({ tag, content }: Node): void => {
    if (Buffer.isBuffer(content)) {
      writer.writeBuffer(content, tag);
      return;
    }
    writer.startSequence(tag);
    content.forEach(write);
    writer.endSequence();
  };
  write(node);
  return writer.buffer;
}
