import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { aessiv } from '@noble/ciphers/aes.js';
import type { Random } from '../../domain/random.ts';
import { createNumberPermutation, type NumberPermutation } from './ff1.ts';
import { createBlockEncryption, createSivEncryption } from './siv.ts';

export type SealPurpose =
  | 'oidc-record'
  | 'key'
  | 'outbox'
  | 'national-id'
  | 'birth-date'
  | 'state-reason'
  | 'end-request'
  | 'person-merge'
  | 'removal-reason'
  | 'bulk-reason'
  | 'sign-out'
  | 'password-form'
  | 'reset-request'
  | 'rejected-form'
  | 'page-notice'
  | 'return-path'
  | 'totp'
  | 'second-factor-setup'
  | 'staff-request'
  | 'bulk-code'
  | 'audit-archive'
  | 'console-activity'
  | 'binding-applicant'
  | 'binding-text'
  | 'binding-evidence'
  | 'binding-input'
  | 'subject-request';
export type MacPurpose =
  | 'national-id-lookup'
  | 'adult-on'
  | 'first-password'
  | 'throttle'
  | 'audit-head'
  | 'audit-archive'
  | 'device'
  | 'decoy'
  | 'human-check'
  | 'passkey-user'
  | 'passkey-challenge'
  | 'binding-email-code'
  | 'register-entry'
  | 'outbox-recipient';

/** Purposes of deterministic encryption. */
export type CipherPurpose = 'directory-handle';
/** Purposes of the encryption of single blocks. */
export type BlockPurpose = 'directory-uuid';
/** Purposes of the encryption of numbers. */
export type NumberPurpose = 'directory-number';

/** The operations of the master key. No other module has the key. */
export interface Secrets {
  /** AES-256-GCM. `row` identifies the database row; the text cannot be opened for another row. */
  seal(purpose: SealPurpose, row: string, plaintext: string | Buffer): string;
  /** @throws {Error} when the text was changed, moved to another row, or sealed with another key */
  open(purpose: SealPurpose, row: string, sealed: string): string;
  /** As `open`, for sealed bytes. */
  openBytes(purpose: SealPurpose, row: string, sealed: string): Buffer;
  /**
   * AES-256-SIV (RFC 5297) without a nonce: equal plaintexts become equal ciphertexts, 16 bytes longer. Only for values of 16 bytes or
   * more whose equality is public.
   *
   * @param plaintexts of `size` bytes each, one after the other. The ciphertexts have the same order.
   */
  encryptDeterministic(purpose: CipherPurpose, plaintexts: Buffer, size: number): Buffer;
  /** @returns undefined when the bytes are no result of `encryptDeterministic` with this key */
  decryptDeterministic(purpose: CipherPurpose, ciphertext: Buffer): Buffer | undefined;
  /**
   * AES-256 of blocks of 16 bytes, with one key for each purpose and context: a permutation, not authenticated. Only for unique values, such as
   * ids.
   */
  encryptBlocks(purpose: BlockPurpose, context: string, blocks: Buffer): Buffer;
  decryptBlocks(purpose: BlockPurpose, context: string, blocks: Buffer): Buffer;
  /** FF1 (NIST SP 800-38G) of numbers below 10⁹, with one key for each purpose and context: a permutation of these numbers. */
  permuteNumbers(purpose: NumberPurpose, context: string): NumberPermutation;
  /** Returns a keyed hash in base64url. Its input cannot be guessed from a dump without the key. */
  mac(purpose: MacPurpose, value: string): string;
}

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Two keys of AES-256 (RFC 5297, section 2.2). */
const SIV_KEY_BYTES = 64;

interface SivCipher {
  encrypt: ReturnType<typeof createSivEncryption>;
  key: Buffer;
}

/** @param masterKey 32 bytes, stored outside the database */
export function createSecrets(masterKey: Buffer, random: Random): Secrets {
  // Key objects: with plain bytes, Node creates one per call, which takes longer than sealing.
  const derived = new Map<string, KeyObject>();
  const keyFor = (use: string): KeyObject => {
    const key = derived.get(use) ?? createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, 'kinpass', use, 32)));
    derived.set(use, key);
    return key;
  };
  const openBytes: Secrets['openBytes'] = (purpose, row, sealed) => {
    const [version, text] = sealed.split('.', 2);
    if (version !== VERSION || text === undefined) throw new Error(`unknown format of sealed text: ${purpose}`);
    const bytes = Buffer.from(text, 'base64url');
    // Decoding ignores surplus characters and unused bits (RFC 4648, section 3.5).
    if (sealed !== format(bytes)) throw new Error(`sealed text is not canonical: ${purpose}`);
    const decipher = createDecipheriv('aes-256-gcm', keyFor(`seal:${purpose}`), bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(`${purpose}\n${row}`));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  };
  const ciphers = new Map<CipherPurpose, SivCipher>();
  const cipherFor = (purpose: CipherPurpose): SivCipher => {
    const known = ciphers.get(purpose);
    if (known !== undefined) return known;
    const key = Buffer.from(hkdfSync('sha256', masterKey, 'kinpass', `siv:${purpose}`, SIV_KEY_BYTES));
    const created = { encrypt: createSivEncryption(key), key };
    ciphers.set(purpose, created);
    return created;
  };
  return {
    permuteNumbers: createPermutations(keyFor),
    encryptDeterministic: (purpose, plaintexts, size) => cipherFor(purpose).encrypt(plaintexts, size),
    decryptDeterministic: (purpose, ciphertext) => {
      if (ciphertext.length < TAG_BYTES) return undefined;
      try {
        return Buffer.from(aessiv(cipherFor(purpose).key).decrypt(ciphertext));
      } catch {
        return undefined;
      }
    },
    encryptBlocks: (purpose, context, blocks) => createBlockEncryption(keyFor(`block:${purpose}:${context}`))(blocks),
    decryptBlocks: (purpose, context, blocks) => {
      const decipher = createDecipheriv('aes-256-ecb', keyFor(`block:${purpose}:${context}`), null);
      return Buffer.concat([decipher.setAutoPadding(false).update(blocks), decipher.final()]);
    },
    openBytes,
    open: (purpose, row, sealed) => openBytes(purpose, row, sealed).toString('utf8'),
    seal(purpose, row, plaintext) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(`seal:${purpose}`), nonce);
      cipher.setAAD(Buffer.from(`${purpose}\n${row}`));
      const start = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
      const body = Buffer.concat([start, cipher.final()]);
      return format(Buffer.concat([nonce, body, cipher.getAuthTag()]));
    },
    mac: (purpose, value) =>
      createHmac('sha256', keyFor(`mac:${purpose}`))
        .update(value)
        .digest('base64url'),
  };
}

function createPermutations(keyFor: (use: string) => KeyObject): Secrets['permuteNumbers'] {
  const created = new Map<string, NumberPermutation>();
  return (purpose, context) => {
    const use = `ff1:${purpose}:${context}`;
    const permutation = created.get(use) ?? createNumberPermutation(keyFor(use));
    created.set(use, permutation);
    return permutation;
  };
}

function format(sealed: Buffer): string {
  return `${VERSION}.${sealed.toString('base64url')}`;
}

/** Hashes the id of a session, code or token for storage. A hash from a dump cannot be used as a credential. */
export function hashId(id: string): string {
  return hash('sha256', id, 'base64url');
}
