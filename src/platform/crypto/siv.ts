import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';

const BLOCK_BYTES = 16;

/**
 * Returns the encryption of AES-SIV (RFC 5297) without associated data, of plaintexts that have the same size and follow each other in one
 * buffer. It uses the AES of OpenSSL and derives its keys once. The blocks of many plaintexts are one call of OpenSSL, because a call takes
 * longer than its blocks.
 *
 * @param key two keys of AES-256
 */
export function createSivEncryption(key: Buffer): (plaintexts: Buffer, size: number) => Buffer {
  const [macKey, ctrKey] = [createSecretKey(key.subarray(0, 32)), createSecretKey(key.subarray(32))];
  const [macBlocks, ctrBlocks] = [createBlockEncryption(macKey), createBlockEncryption(ctrKey)];
  const cmac = createCmac(macBlocks);
  const zeroMac = cmac(Buffer.alloc(BLOCK_BYTES), BLOCK_BYTES);
  return (plaintexts, size) => {
    if (size < BLOCK_BYTES) throw new RangeError('plaintext is shorter than a block');
    if (plaintexts.length % size !== 0) throw new RangeError('plaintexts have different sizes');
    const inputs = Buffer.from(plaintexts);
    for (let end = size; end <= inputs.length; end += size) xorAt(inputs, end - BLOCK_BYTES, zeroMac, 0);
    const ivs = cmac(inputs, size);
    const stream = ctrBlocks(counters(ivs, Math.ceil(size / BLOCK_BYTES)));
    return combine(ivs, plaintexts, stream, size);
  };
}

/** Returns AES of whole blocks. One cipher encrypts all calls: it keeps no state between blocks, and its creation takes longer than a call. */
export function createBlockEncryption(key: KeyObject): (blocks: Buffer) => Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return (blocks) => cipher.update(blocks);
}

/** Returns CMAC (RFC 4493) of messages that have the same size, of at least one byte, and follow each other in one buffer. */
function createCmac(encrypt: (blocks: Buffer) => Buffer): (messages: Buffer, size: number) => Buffer {
  const whole = double(encrypt(Buffer.alloc(BLOCK_BYTES)));
  const padded = double(whole);
  return (messages, size) => {
    const [count, rest] = [messages.length / size, size % BLOCK_BYTES];
    const fullBlocks = Math.ceil(size / BLOCK_BYTES) - 1;
    let states: Buffer = Buffer.alloc(count * BLOCK_BYTES);
    for (let block = 0; block < fullBlocks; block += 1) {
      for (let at = 0; at < count; at += 1) xorAt(states, at * BLOCK_BYTES, messages, at * size + block * BLOCK_BYTES);
      states = encrypt(states);
    }
    const last = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at < count; at += 1) {
      const end = (at + 1) * size;
      last.fill(0);
      messages.copy(last, 0, at * size + fullBlocks * BLOCK_BYTES, end);
      if (rest !== 0) last.writeUInt8(0x80, rest);
      xorAt(last, 0, rest === 0 ? whole : padded, 0);
      xorAt(states, at * BLOCK_BYTES, last, 0);
    }
    return encrypt(states);
  };
}

/** Returns the counters of each IV (RFC 5297, section 2.5). Two bits are cleared, so that an addition of 32 bits suffices. */
function counters(ivs: Buffer, count: number): Buffer {
  const blocks = Buffer.allocUnsafe(ivs.length * count);
  for (let at = 0; at < ivs.length; at += BLOCK_BYTES) {
    for (let counter = 0; counter < count; counter += 1) {
      const start = at * count + counter * BLOCK_BYTES;
      ivs.copy(blocks, start, at, at + BLOCK_BYTES);
      blocks.writeUInt8(ivs.readUInt8(at + 8) & 0x7f, start + 8);
      blocks.writeUInt32BE((ivs.readUInt32BE(at + 12) & 0x7fffffff) + counter, start + 12);
    }
  }
  return blocks;
}

/** Returns each IV followed by its ciphertext. */
function combine(ivs: Buffer, plaintexts: Buffer, stream: Buffer, size: number): Buffer {
  const count = ivs.length / BLOCK_BYTES;
  const streamBytes = stream.length / count;
  const result = Buffer.allocUnsafe(count * (BLOCK_BYTES + size));
  for (let at = 0; at < count; at += 1) {
    const start = at * (BLOCK_BYTES + size);
    ivs.copy(result, start, at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
    for (let byte = 0; byte < size; byte += 1)
      result[start + BLOCK_BYTES + byte] = (plaintexts[at * size + byte] ?? 0) ^ (stream[at * streamBytes + byte] ?? 0);
  }
  return result;
}

/** Multiplies by x in GF(2^128) (RFC 4493, section 2.3). */
function double(block: Buffer): Buffer {
  const value = BigInt(`0x${block.toString('hex')}`);
  const shifted = BigInt.asUintN(128, value << 1n) ^ (value >> 127n === 1n ? 0x87n : 0n);
  return Buffer.from(shifted.toString(16).padStart(32, '0'), 'hex');
}

/** Combines a block of `bytes` with a block of `other`. */
function xorAt(bytes: Buffer, start: number, other: Buffer, otherStart: number): void {
  for (let at = 0; at < BLOCK_BYTES; at += 1)
    bytes[start + at] = (bytes[start + at] ?? 0) ^ (other[otherStart + at] ?? 0);
}
