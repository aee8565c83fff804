import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Random } from '../../domain/random.ts';

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
  | 'sign-out'
  | 'password-form'
  | 'reset-request'
  | 'rejected-form'
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

/** The operations of the master key. No other module has the key. */
export interface Secrets {
  /** AES-256-GCM. `row` identifies the database row; the text cannot be opened for another row. */
  seal(purpose: SealPurpose, row: string, plaintext: string | Buffer): string;
  /** @throws {Error} when the text was changed, moved to another row, or sealed with another key */
  open(purpose: SealPurpose, row: string, sealed: string): string;
  /** As `open`, for sealed bytes. */
  openBytes(purpose: SealPurpose, row: string, sealed: string): Buffer;
  /** Returns a keyed hash in base64url. Its input cannot be guessed from a dump without the key. */
  mac(purpose: MacPurpose, value: string): string;
}

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param masterKey 32 bytes, stored outside the database */
export function createSecrets(masterKey: Buffer, random: Random): Secrets {
  // Key objects: with plain bytes, Node creates one per call, which takes longer than sealing.
  const derived = new Map<string, KeyObject>();
  const keyFor = (use: string): KeyObject => {
    const known = derived.get(use);
    if (known !== undefined) return known;
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, 'kinpass', use, 32)));
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
  return {
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

function format(sealed: Buffer): string {
  return `${VERSION}.${sealed.toString('base64url')}`;
}

/** Hashes the id of a session, code or token for storage. A hash from a dump cannot be used as a credential. */
export function hashId(id: string): string {
  return hash('sha256', id, 'base64url');
}
