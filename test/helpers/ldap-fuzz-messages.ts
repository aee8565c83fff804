import { DecodeError, octets, TAG } from '../../src/ldap/codec/ber.ts';
import { createFramer, FrameError } from '../../src/ldap/codec/framing.ts';
import { OID } from '../../src/ldap/protocol.ts';
import { BASE, SERVICE_SECRET, serviceName } from './directory-account.ts';
import { bindMessage, extendedMessage, message, nestedFilter, searchMessage } from './ldap-client.ts';
import { decodeBytes } from './ldap-encoding.ts';

/** Returns a generator of numbers from 0 to 1 (mulberry32), so that a seed repeats a run. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type PickBelow = (below: number) => number;

const BIND = bindMessage(1, serviceName('radius'), SERVICE_SECRET);

const VALID: readonly Buffer[] = [
  BIND,
  bindMessage(2, '', ''),
  bindMessage(3, serviceName('radius'), ''),
  searchMessage(4, '', undefined, 'base'),
  searchMessage(5, BASE, { tag: 0xa3, content: [octets('uid'), octets('an.wang')] }),
  searchMessage(6, BASE),
  searchMessage(7, `ou=groups,${BASE}`, undefined, 'one'),
  extendedMessage(8, OID.whoAmI),
  extendedMessage(9, OID.startTls),
  extendedMessage(10, OID.cancel, Buffer.from('3003020106', 'hex')),
  message(11, { tag: 0x50, content: Buffer.from([6]) }),
  message(12, {
    tag: 0x6e,
    content: [octets(BASE), { tag: TAG.sequence, content: [octets('ou'), octets('x')] }],
  }),
  message(13, { tag: 0x66, content: Buffer.from('0400', 'hex') }),
  message(14, { tag: 0x42, content: Buffer.alloc(0) }),
];

/** The kinds of broken messages. Each changes a valid one. */
const MUTATIONS: readonly ((bytes: Buffer, pick: PickBelow) => Buffer)[] = [
  (bytes) => bytes,
  // Other characters at the end, where most messages have text. The service decodes most of these.
  ...Array.from({ length: 40 }, () => (bytes: Buffer, pick: PickBelow): Buffer => {
    const changed = Buffer.from(bytes);
    changed[changed.length - 1 - pick(Math.min(6, changed.length - 7))] = pick(0x80);
    return changed;
  }),
  // Up to four other bytes.
  (bytes, pick) => {
    const changed = Buffer.from(bytes);
    for (let count = pick(4); count >= 0; count -= 1) changed[pick(changed.length)] = pick(256);
    return changed;
  },
  // The same length with a part that is missing inside, or repeated.
  (bytes, pick) => {
    const at = 2 + pick(bytes.length - 2);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(pick(bytes.length))]).subarray(0, bytes.length);
  },
  // One bit.
  (bytes, pick) => {
    const changed = Buffer.from(bytes);
    const at = pick(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << pick(8));
    return changed;
  },
  // Truncated, with a length that fits.
  (bytes, pick) => {
    const cut = bytes.subarray(2, 2 + pick(bytes.length - 2));
    return cut.length < 0x80 ? Buffer.concat([Buffer.from([0x30, cut.length]), cut]) : cut;
  },
  (bytes, pick) => bytes.subarray(0, pick(bytes.length)),
  (_, pick) => searchMessage(1 + pick(100), BASE, nestedFilter(1 + pick(60))),
  (_, pick) => Buffer.from(Array.from({ length: 1 + pick(60) }, () => pick(256))),
];

/** Most messages of one connection. A broken message ends it earlier. */
const MAX_MESSAGES = 50;

export interface Fuzzer {
  /** Returns a number below another. */
  pick: PickBelow;
  createMessages: () => Buffer[];
  /** Returns the bytes that a connection sends: the messages, half of them behind a bind. */
  toBytes: (messages: readonly Buffer[]) => Buffer;
}

/** Creates the messages of connections, with broken ones. A seed repeats them. */
export function createFuzzer(seed: number): Fuzzer {
  const random = createRandom(seed);
  const pick: PickBelow = (below) => Math.floor(random() * below);
  return {
    pick,
    createMessages: () => createMessages(pick),
    toBytes: (messages) => Buffer.concat([...(pick(2) === 0 ? [BIND] : []), ...messages]),
  };
}

/**
 * Creates the messages of one connection: the last one is broken, or there are enough. All before it are read.
 *
 * @throws when the codec neither decodes nor rejects the bytes
 */
function createMessages(pick: PickBelow): Buffer[] {
  const framer = createFramer(() => 64 * 1024);
  const messages: Buffer[] = [];
  try {
    while (messages.length < MAX_MESSAGES) {
      const mutate = MUTATIONS[pick(MUTATIONS.length)] ?? ((bytes) => bytes);
      const bytes = mutate(VALID[pick(VALID.length)] ?? Buffer.alloc(0), pick);
      messages.push(bytes);
      framer.push(bytes);
      for (let next = framer.next(); next !== undefined; next = framer.next()) {
        const decoded = decodeBytes(next);
        if ('request' in decoded && decoded.request.kind === 'unbind') return messages;
      }
    }
  } catch (error) {
    // The service rejects it, too.
    if (!(error instanceof DecodeError || error instanceof FrameError)) throw error;
  }
  return messages;
}
