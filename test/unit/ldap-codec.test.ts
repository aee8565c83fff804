import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import {
  DecodeError,
  encode,
  integer,
  LimitError,
  octets,
  readElement,
  readElements,
  readUnsigned,
  TAG,
} from '../../src/ldap/codec/ber.ts';
import { decodePageRequest } from '../../src/ldap/codec/controls.ts';
import { createFramer, FrameError } from '../../src/ldap/codec/framing.ts';
import { createResponseBuffer, encodeResult } from '../../src/ldap/codec/responses.ts';
import { formatRdn, parseDn } from '../../src/ldap/dn.ts';
import { RESULT, type Entry, type Message } from '../../src/ldap/protocol.ts';
import { decodeBytes, encodeRequest } from '../helpers/ldap-encoding.ts';
import { arbitraryBytes, arbitraryMessage } from '../helpers/ldap-messages.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const id = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Splits bytes at the given places. */
function split(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
}

/** Returns the messages before the first error, and the error. */
function frame(chunks: readonly Buffer[]): { messages: Buffer[]; error: unknown } {
  const framer = createFramer(() => 1_000);
  const messages: Buffer[] = [];
  try {
    for (const chunk of chunks) {
      framer.push(chunk);
      for (let next = framer.next(); next !== undefined; next = framer.next()) messages.push(next);
    }
  } catch (error) {
    return { messages, error };
  }
  return { messages, error: undefined };
}

describe('LDAP codec', () => {
  it('decodes each request that a client encodes', () => {
    fc.assert(
      fc.property(arbitraryMessage, (message: Message) => {
        assert.deepEqual(decodeBytes(encodeRequest(message)), message);
      }),
    );
  });

  it('decodes or rejects any bytes, and throws no other error', () => {
    fc.assert(
      fc.property(arbitraryBytes, (bytes) => {
        for (const decode of [decodeBytes, decodePageRequest]) {
          try {
            decode(bytes);
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error));
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds the same messages, and the same error, wherever the bytes are split', () => {
    const stream = fc.array(fc.oneof({ weight: 5, arbitrary: arbitraryMessage.map(encodeRequest) }, arbitraryBytes), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(5_000), { maxLength: 20 }), (parts, places) => {
        const bytes = Buffer.concat(parts);
        const whole = frame([bytes]);
        assert.ok(whole.error === undefined || whole.error instanceof FrameError, String(whole.error));
        assert.deepEqual(frame(split(bytes, places)), whole);
      }),
    );
    const bytes = Buffer.concat(
      [1, 2, 3].map((one) => encodeRequest({ id: one, request: { kind: 'unbind' }, controls: [] })),
    );
    assert.deepEqual(frame(Array.from(bytes, (one) => Buffer.from([one]))), frame([bytes]));
  });

  it('holds only the bytes of a message that is not complete', () => {
    const framer = createFramer(() => 100);
    framer.push(Buffer.from('300502010142004203', 'hex'));
    assert.ok(framer.next());
    assert.equal(framer.pending(), 2);
    assert.throws(() => framer.next(), FrameError);
  });

  it('reads at most 1,000 elements of one content, and filters of 64 KiB', () => {
    const empty = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => Buffer.from([5, 0])));
    assert.equal(readElements(empty(1_000)).length, 1_000);
    assert.throws(() => readElements(empty(1_001)), LimitError);
    const search = (fields: object): Buffer =>
      encodeRequest({
        id: 7,
        controls: [],
        request: {
          ...{ kind: 'search', base: '', scope: 'base', sizeLimit: 0, timeLimitSeconds: 0, typesOnly: false },
          ...{ filter: { kind: 'present', attribute: 'cn' }, attributes: [] },
          ...fields,
        },
      });
    const long = { kind: 'equality', attribute: 'cn', value: 'x'.repeat(65_536) };
    assert.deepEqual(decodeBytes(search({ filter: long })), { id: 7, limited: 'filter is too long' });
    const many = Array.from({ length: 1_001 }, () => 'cn');
    assert.deepEqual(decodeBytes(search({ attributes: many })), { id: 7, limited: 'more than 1000 elements' });
    const controls = Array.from({ length: 21 }, (_, at) => ({ oid: `1.2.${at}`, isCritical: false, value: undefined }));
    const withControls = encodeRequest({
      id: 7,
      request: { kind: 'bind', version: 3, name: '', password: '' },
      controls,
    });
    assert.throws(() => decodeBytes(withControls), new LimitError('more than 20 elements'));
    // Only a search has lists, and a limited message gets the response of a search.
    for (const tag of [0x60, 0x6e, 0x77]) {
      const operation = { tag, content: empty(1_001) };
      const message = encode({ tag: TAG.sequence, content: [integer(7), operation] });
      assert.throws(() => decodeBytes(message), DecodeError);
    }
  });

  it('encodes numbers in the shortest form, and reads them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (value) => {
        const element = readElement(encode(integer(value)));
        assert.equal(readUnsigned(element), value);
        const [first = 0, second] = element.content;
        assert.ok(second === undefined || first > 0 || second >= 0x80);
      }),
    );
  });

  it('encodes results as messages', () => {
    fc.assert(
      fc.property(id, text, fc.uint8Array({ maxLength: 300 }), (messageId, diagnostic, bytes) => {
        const value = Buffer.from(bytes);
        const controls = [{ oid: '1.2.3', isCritical: false, value }];
        const encoded = encodeResult(messageId, 'extended', { result: 'busy', text: diagnostic, value, controls });
        const [number, operation, list] = readElements(readElement(encoded).content);
        assert.equal(readUnsigned(number), messageId);
        assert.deepEqual(readElements(operation?.content ?? value), [
          { tag: TAG.enumerated, content: Buffer.from([RESULT.busy]) },
          { tag: TAG.octets, content: Buffer.alloc(0) },
          { tag: TAG.octets, content: Buffer.from(diagnostic) },
          { tag: 0x8b, content: value },
        ]);
        assert.deepEqual(list?.tag, 0xa0);
      }),
    );
  });

  it('encodes entries into chunks of up to 64 KiB, as the general encoder does', () => {
    const long = fc.integer({ min: 60, max: 70_000 }).map((length) => 'é'.repeat(length));
    const value = fc.oneof({ weight: 9, arbitrary: text }, long);
    const attribute = fc.record({ name: text, values: fc.array(value, { maxLength: 4 }) });
    const entries = fc.array(fc.record({ name: text, attributes: fc.array(attribute, { maxLength: 4 }) }));
    const encodeEntry = (messageId: number, { name, attributes }: Entry): Buffer => {
      const list = attributes.map((one) => {
        const set = { tag: TAG.set, content: one.values.map((each) => octets(each)) };
        return { tag: TAG.sequence, content: [octets(one.name), set] };
      });
      const operation = { tag: 0x64, content: [octets(name), { tag: TAG.sequence, content: list }] };
      return encode({ tag: TAG.sequence, content: [integer(messageId), operation] });
    };
    fc.assert(
      fc.property(id, entries, (messageId, all) => {
        const buffer = createResponseBuffer();
        const chunks = all.flatMap((entry) => buffer.addEntry(messageId, entry) ?? []);
        const encoded = all.map((entry) => encodeEntry(messageId, entry));
        const longest = Math.max(0, ...encoded.map(({ length }) => length));
        assert.ok(chunks.every(({ length }) => length <= Math.max(longest, 65_536)));
        assert.deepEqual(Buffer.concat([...chunks, buffer.take()]), Buffer.concat(encoded));
        assert.equal(buffer.take().length, 0);
      }),
      { numRuns: 40 },
    );
  });

  it('reads each value of a name that it writes, as one component', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.string({ unit: fc.constantFrom(' ', '\\', ',', '+', '"', '#', ';', '<', '=', '\0', 'a', '2') }),
        ),
        (value) => {
          assert.deepEqual(parseDn(`${formatRdn('cn', value)},dc=city`), [
            { type: 'cn', value },
            { type: 'dc', value: 'city' },
          ]);
        },
      ),
    );
  });
});
