import { hash } from 'node:crypto';
import { NUMBERS } from '../../platform/crypto/ff1.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';

/** The person and the sector that a handle names. */
export interface OpenedHandle {
  personId: string;
  /** Compares equal to `sectorTag` of the sector. */
  sectorTag: string;
}

/**
 * The names of people in the directory. A handle is the encrypted sector and person id, so it is stable, differs between sectors, and needs no
 * table. It is lower-case base32, because some clients change the case of names.
 */
export interface Handles {
  /** Returns the handle of each person. Many at once cost little more than one. */
  encode(sector: string, personIds: readonly string[]): string[];
  /** @returns undefined for any text that `encode` did not create */
  decode(handle: string): OpenedHandle | undefined;
  /**
   * Returns the `entryUUID` of each person in a sector: the encrypted person id, so it differs between sectors and needs no table. The version
   * and variant of a UUID replace six of its bits.
   */
  entryUuids(sector: string, personIds: readonly string[]): string[];
  /** Lists the ids of people who may have an `entryUUID`, one for each value of the replaced bits; at most one of them exists. */
  listIdsOfEntryUuid(sector: string, uuid: string): string[];
  /** Returns the `uidNumber` of each number of a person in a sector: the encrypted number, so it is unique and differs between sectors. */
  uidNumbers(sector: string, numbers: readonly number[]): number[];
  /** @returns undefined for a value that no person can have */
  numberOf(sector: string, uidNumber: number): number | undefined;
}

const SECTOR_TAG_BYTES = 8;
/** 24 bytes of text and the 16 bytes that authenticate them (RFC 5297), in base32 without padding. */
const HANDLE = /^[a-z2-7]{64}$/;
const UUID_BYTES = 16;
const PLAINTEXT_BYTES = SECTOR_TAG_BYTES + UUID_BYTES;
const HANDLE_BYTES = PLAINTEXT_BYTES + 16;
/** Values of the version and the variant of a UUID together. */
const CANDIDATES = 64;
/** Version 8, for application-specific values, and the variant of RFC 9562 (sections 4.1 and 5.8). */
const VERSION_8 = 0b1000_10;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** The first `uidNumber`. Systems have their own accounts far below it, and some read numbers as signed 32 bits. */
const FIRST_UID_NUMBER = 1_000_000_000;

export function createHandles(
  secrets: Pick<
    Secrets,
    'encryptDeterministic' | 'decryptDeterministic' | 'encryptBlocks' | 'decryptBlocks' | 'permuteNumbers'
  >,
): Handles {
  return {
    encode: (sector, personIds) => {
      const tag = tagBytes(sector);
      const plaintexts = Buffer.allocUnsafe(personIds.length * PLAINTEXT_BYTES);
      for (const [at, personId] of personIds.entries()) {
        tag.copy(plaintexts, at * PLAINTEXT_BYTES);
        writeUuid(plaintexts, at * PLAINTEXT_BYTES + SECTOR_TAG_BYTES, personId);
      }
      const encrypted = secrets.encryptDeterministic('directory-handle', plaintexts, PLAINTEXT_BYTES);
      return personIds.map((_, at) => toBase32(encrypted.subarray(at * HANDLE_BYTES, (at + 1) * HANDLE_BYTES)));
    },
    decode: (handle) => {
      const text = handle.toLowerCase();
      if (!HANDLE.test(text)) return undefined;
      const plaintext = secrets.decryptDeterministic('directory-handle', fromBase32(text));
      if (plaintext === undefined) return undefined;
      const tag = plaintext.subarray(0, SECTOR_TAG_BYTES).toString('hex');
      return { sectorTag: tag, personId: toUuid(plaintext.subarray(SECTOR_TAG_BYTES)) };
    },
    entryUuids: (sector, personIds) => {
      const blocks = Buffer.allocUnsafe(personIds.length * UUID_BYTES);
      for (const [at, personId] of personIds.entries()) writeUuid(blocks, at * UUID_BYTES, personId);
      const encrypted = secrets.encryptBlocks('directory-uuid', sector, blocks);
      return personIds.map((_, at) => toUuid(withVersion(uuidAt(encrypted, at), VERSION_8)));
    },
    listIdsOfEntryUuid: (sector, uuid) => {
      if (!UUID.test(uuid)) return [];
      const candidates = Array.from({ length: CANDIDATES }, (_, at) => withVersion(uuidBytes(uuid), at));
      const opened = secrets.decryptBlocks('directory-uuid', sector, Buffer.concat(candidates));
      return candidates.map((_, at) => toUuid(uuidAt(opened, at)));
    },
    uidNumbers: (sector, numbers) => {
      const encrypted = secrets.permuteNumbers('directory-number', sector).encrypt(numbers);
      return encrypted.map((number) => FIRST_UID_NUMBER + number);
    },
    numberOf: (sector, uidNumber) => {
      const encrypted = uidNumber - FIRST_UID_NUMBER;
      if (!Number.isInteger(encrypted) || encrypted < 0 || encrypted >= NUMBERS) return undefined;
      return secrets.permuteNumbers('directory-number', sector).decrypt(encrypted);
    },
  };
}

/** Returns the text that identifies a sector in a handle. */
export function sectorTag(sector: string): string {
  return tagBytes(sector).toString('hex');
}

function tagBytes(sector: string): Buffer {
  return hash('sha256', sector, 'buffer').subarray(0, SECTOR_TAG_BYTES);
}

/** Returns a copy of a UUID with these six bits as its version and variant. */
function withVersion(uuid: Buffer, bits: number): Buffer {
  const bytes = Buffer.from(uuid);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | ((bits >> 2) << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | ((bits & 0b11) << 6), 8);
  return bytes;
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** @throws {RangeError} for other text, which would leave bytes of an unsafe buffer as they are */
function writeUuid(bytes: Buffer, start: number, uuid: string): void {
  if (!UUID.test(uuid)) throw new RangeError('person id is no UUID');
  bytes.write(uuid.replaceAll('-', ''), start, 'hex');
}

/** Returns the bytes of a UUID in a row of UUIDs. */
function uuidAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at * UUID_BYTES, (at + 1) * UUID_BYTES);
}

function toUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** Five bytes are eight characters (RFC 4648, section 6). */
const GROUP_BYTES = 5;
const GROUP_CHARACTERS = 8;

/** The two characters of each ten bits. */
const PAIRS = Array.from(ALPHABET).flatMap((first) => Array.from(ALPHABET, (second) => first + second));

function pairOf(bits: number): string {
  return PAIRS[bits & 1023] ?? '';
}

/** @param bytes a multiple of five */
function toBase32(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
    // 20 bits each, because bitwise operators take 32.
    const high = bytes.readUIntBE(at, 3) >> 4;
    const low = bytes.readUIntBE(at + 2, 3) & 0xfffff;
    text += pairOf(high >> 10) + pairOf(high) + pairOf(low >> 10) + pairOf(low);
  }
  return text;
}

/** @param text valid base32, a multiple of eight */
function fromBase32(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / GROUP_CHARACTERS) * GROUP_BYTES);
  for (let at = 0; at < text.length; at += GROUP_CHARACTERS) {
    let value = 0;
    for (const character of text.slice(at, at + GROUP_CHARACTERS)) value = value * 32 + ALPHABET.indexOf(character);
    bytes.writeUIntBE(value, (at / GROUP_CHARACTERS) * GROUP_BYTES, GROUP_BYTES);
  }
  return bytes;
}
