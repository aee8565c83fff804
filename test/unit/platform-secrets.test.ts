import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';

import { aessiv } from '@noble/ciphers/aes.js';
import { FF1 } from '@noble/ciphers/ff1.js';
import fc from 'fast-check';

import { systemRandom } from '../../src/domain/random.ts';
import { openPayload, sealPayload } from '../../src/platform/crypto/sealed-payload.ts';
import { createNumberPermutation } from '../../src/platform/crypto/ff1.ts';
import { createSivEncryption } from '../../src/platform/crypto/siv.ts';
import { createSecrets, hashId, type SealPurpose } from '../../src/platform/crypto/secrets.ts';

const secrets = createSecrets(randomBytes(32), systemRandom);
const PURPOSES: readonly SealPurpose[] = ['oidc-record', 'key', 'outbox', 'national-id', 'birth-date', 'state-reason'];
const VERSION = 'v1.';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The bytes behind `v1.`, changed. */
const tampered = (sealed: string, change: (bytes: Buffer) => Buffer): string =>
  VERSION + change(Buffer.from(sealed.slice(VERSION.length), 'base64url')).toString('base64url');

describe('a sealed text', () => {
  it('opens to the original text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.constantFrom(...PURPOSES), (text, row, purpose) => {
        assert.equal(secrets.open(purpose, row, secrets.seal(purpose, row, text)), text);
      }),
      { numRuns: 200 },
    );
  });

  it('reveals nothing of its text and differs each time', () => {
    const [one, other] = [
      secrets.seal('national-id', 'p1', 'Y100100201'),
      secrets.seal('national-id', 'p1', 'Y100100201'),
    ];
    assert.notEqual(one, other);
    assert.ok(!Buffer.from(one.slice(VERSION.length), 'base64url').toString('latin1').includes('100201'));
  });

  it('opens only with its own row, purpose and key', () => {
    const sealed = secrets.seal('national-id', 'person-1', 'Y100100201');
    assert.throws(() => secrets.open('national-id', 'person-2', sealed));
    assert.throws(() => secrets.open('national-id', '', sealed));
    for (const purpose of PURPOSES.filter((one) => one !== 'national-id')) {
      assert.throws(() => secrets.open(purpose, 'person-1', sealed), purpose);
    }
    assert.throws(() => createSecrets(randomBytes(32), systemRandom).open('national-id', 'person-1', sealed));
  });

  it('cannot be moved between rows by a line break in a name', () => {
    assert.throws(() => secrets.open('key', 'a\nb', secrets.seal('key', 'a', 'b')));
    const record = { model: 'Session', idHash: 'x:y', payload: sealPayload(secrets, 'Session', 'x:y', { uid: 'u' }) };
    assert.deepEqual(openPayload(secrets, record.model, record), { uid: 'u' });
    assert.throws(() => openPayload(secrets, 'Grant', record));
    assert.throws(() => openPayload(secrets, record.model, { ...record, idHash: 'x:z' }));
  });

  it('has one spelling: surplus characters, parts and bits are rejected', () => {
    for (const text of ['a', 'ab', 'abc']) {
      const sealed = secrets.seal('key', 'k', text);
      const next = String.fromCharCode((sealed.at(-1) ?? '').charCodeAt(0) + 1);
      for (const changed of [`${sealed}A`, `${sealed}=`, `${sealed}.more`, `${sealed} `, sealed.slice(0, -1) + next]) {
        assert.throws(() => secrets.open('key', 'k', changed), changed);
      }
    }
  });

  it('is rejected when any single bit is changed', () => {
    const sealed = secrets.seal('key', 'k', 'a signing key');
    const length = NONCE_BYTES + 'a signing key'.length + TAG_BYTES;
    for (let at = 0; at < length; at += 1) {
      const flipped = tampered(sealed, (bytes) => {
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        return bytes;
      });
      assert.throws(() => secrets.open('key', 'k', flipped), `byte ${String(at)}`);
    }
  });

  it('is rejected when it is truncated, extended or has a shorter tag', () => {
    const sealed = secrets.seal('key', 'k', 'a signing key');
    for (const cut of [1, 4, TAG_BYTES, TAG_BYTES + 1, 41]) {
      assert.throws(
        () =>
          secrets.open(
            'key',
            'k',
            tampered(sealed, (bytes) => bytes.subarray(0, -cut)),
          ),
        String(cut),
      );
    }
    assert.throws(() =>
      secrets.open(
        'key',
        'k',
        tampered(sealed, (bytes) => Buffer.concat([bytes, bytes])),
      ),
    );
    for (const other of ['', 'v1', 'v1.', 'v2.' + sealed.slice(3), sealed.slice(3), 'nonsense']) {
      assert.throws(() => secrets.open('key', 'k', other), other);
    }
  });
});

describe('a keyed hash', () => {
  it('depends on the text, the purpose and the key only', () => {
    const mac = secrets.mac('national-id-lookup', 'Y100100201');
    assert.equal(secrets.mac('national-id-lookup', 'Y100100201'), mac);
    assert.match(mac, /^[\w-]{43}$/);
    assert.notEqual(secrets.mac('national-id-lookup', 'Y100100202'), mac);
    assert.notEqual(secrets.mac('first-password', 'Y100100201'), mac);
    assert.notEqual(createSecrets(randomBytes(32), systemRandom).mac('national-id-lookup', 'Y100100201'), mac);
  });

  it('is the same after a restart with the same key', () => {
    const key = randomBytes(32);
    const [one, other] = [createSecrets(key, systemRandom), createSecrets(key, systemRandom)];
    assert.equal(one.mac('throttle', 'x'), other.mac('throttle', 'x'));
    assert.equal(other.open('outbox', 'r', one.seal('outbox', 'r', 'text')), 'text');
  });

  it('of an id is its SHA-256, so that a dump contains no usable id', () => {
    assert.equal(hashId('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });
});

describe('deterministic encryption', () => {
  it('is AES-SIV, as another implementation computes it', () => {
    const bytes = (length: number): fc.Arbitrary<Buffer> =>
      fc.uint8Array({ minLength: length, maxLength: length }).map((list) => Buffer.from(list));
    const plaintexts = fc
      .tuple(fc.integer({ min: 16, max: 70 }), fc.integer({ min: 0, max: 4 }))
      .chain(([size, count]) =>
        fc.array(bytes(size), { minLength: count, maxLength: count }).map((all) => ({ size, all })),
      );
    fc.assert(
      fc.property(bytes(64), plaintexts, (key, { size, all }) => {
        const expected = all.map((text) => Buffer.from(aessiv(key).encrypt(text)));
        assert.deepEqual(createSivEncryption(key)(Buffer.concat(all), size), Buffer.concat(expected));
      }),
    );
    const encrypt = createSivEncryption(randomBytes(64));
    assert.throws(() => encrypt(Buffer.alloc(15), 15), RangeError);
    assert.throws(() => encrypt(Buffer.alloc(33), 16), RangeError);
  });

  it('of blocks can be decrypted, and differs between contexts and keys', () => {
    const [secrets, others] = [
      createSecrets(randomBytes(32), systemRandom),
      createSecrets(randomBytes(32), systemRandom),
    ];
    const blocks = randomBytes(48);
    const encrypted = secrets.encryptBlocks('directory-uuid', 'a.example', blocks);
    assert.deepEqual(secrets.decryptBlocks('directory-uuid', 'a.example', encrypted), blocks);
    assert.notDeepEqual(secrets.encryptBlocks('directory-uuid', 'b.example', blocks), encrypted);
    assert.notDeepEqual(others.encryptBlocks('directory-uuid', 'a.example', blocks), encrypted);
  });

  it('of numbers is a permutation of nine digits, which differs between contexts', () => {
    const [a, b] = ['a.example', 'b.example'].map((sector) => secrets.permuteNumbers('directory-number', sector));
    assert.ok(a && b);
    const seen = new Map<number, number>();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (number) => {
        const [encrypted = -1] = a.encrypt([number]);
        assert.ok(Number.isInteger(encrypted) && encrypted >= 0 && encrypted < 1e9);
        assert.equal(a.decrypt(encrypted), number);
        assert.equal(seen.get(encrypted) ?? number, number);
        seen.set(encrypted, number);
      }),
    );
    const first = Array.from({ length: 20 }, (_, at) => at);
    assert.notDeepEqual(a.encrypt(first), b.encrypt(first));
    for (const outside of [-1, 1e9, 0.5, Number.NaN]) assert.throws(() => a.encrypt([outside]), RangeError);
  });

  it('of numbers is FF1, as another implementation computes it', () => {
    const digitsOf = (number: number): number[] => Array.from(String(number).padStart(9, '0'), Number);
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(key, fc.array(fc.integer({ min: 0, max: 999_999_999 }), { maxLength: 4 }), (bytes, numbers) => {
        const other = FF1(10, bytes);
        const expected = numbers.map((number) => Number(other.encrypt(digitsOf(number)).join('')));
        const own = createNumberPermutation(createSecretKey(bytes));
        assert.deepEqual(own.encrypt(numbers), expected);
        assert.deepEqual(
          expected.map((number) => own.decrypt(number)),
          numbers,
        );
      }),
    );
  });
});
