import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createKnownDevices } from '../../src/services/authentication/known-devices.ts';

const key = randomBytes(32);
const create = (masterKey = key): ReturnType<typeof createKnownDevices> =>
  createKnownDevices({ secrets: createSecrets(masterKey, systemRandom), random: systemRandom });
const devices = create();
/** The last character of 22 has four unused bits, so 16 texts decode to the same bytes. */
const otherSpellings = (nonce: string): string[] => {
  const bytes = Buffer.from(nonce, 'base64url');
  const alphabet = Array.from({ length: 64 }, (_, i) =>
    Buffer.from([i << 2])
      .toString('base64url')
      .slice(0, 1),
  );
  return alphabet
    .map((last) => nonce.slice(0, -1) + last)
    .filter((text) => text !== nonce && Buffer.from(text, 'base64url').equals(bytes));
};

describe('known devices', () => {
  it('are recognized on every node for the people who signed in, with one counter each', () => {
    const token = devices.remember(devices.remember(undefined, 'mother'), 'father');
    assert.match(token, /^v1\.[\w-]{22}(\.[\w-]{43}){2}$/);
    const counters = ['mother', 'father'].map((person) => create().findCounterKey(token, person));
    for (const counter of counters) assert.match(counter ?? '', /^device:[\w-]{43}$/);
    assert.notEqual(counters[0], counters[1]);
    assert.equal(devices.findCounterKey(token, 'child'), undefined);
    assert.equal(devices.findCounterKey(token, undefined), undefined);
    assert.equal(create(randomBytes(32)).findCounterKey(token, 'mother'), undefined, 'another master key');
  });

  it('keep their nonce and counters at the next sign-in, for the last five people', () => {
    const people = ['a', 'b', 'c', 'd', 'e', 'f'];
    const token = people.reduce<string | undefined>((before, person) => devices.remember(before, person), undefined);
    assert.deepEqual(
      people.map((person) => devices.findCounterKey(token, person) !== undefined),
      [false, true, true, true, true, true],
    );
    const again = devices.remember(token, 'b');
    assert.equal(devices.findCounterKey(again, 'b'), devices.findCounterKey(token, 'b'));
    assert.equal(again.length, token?.length);
    assert.equal(devices.remember(again, 'b'), again);
    assert.equal(devices.findCounterKey(devices.remember(again, 'a'), 'c'), undefined, 'longest away');
  });

  it('have an id only with a token issued by this service', () => {
    const token = devices.remember(undefined, 'mother');
    const [, nonce = '', mac = ''] = token.split('.');
    assert.equal(create().findDeviceId(token), devices.findDeviceId(devices.remember(token, 'father')));
    assert.match(devices.findDeviceId(token) ?? '', /^[\w-]{43}$/);
    assert.notEqual(devices.findDeviceId(token), devices.findDeviceId(devices.remember(undefined, 'mother')));
    assert.equal(otherSpellings(nonce).length, 15);
    const forged = `${nonce.startsWith('A') ? 'B' : 'A'}${nonce.slice(1)}`;
    for (const text of [
      undefined,
      '',
      'v1',
      `v1.${forged}.${mac}`,
      `v1.${randomBytes(16).toString('base64url')}.${mac}`,
      ...otherSpellings(nonce).map((spelling) => `v1.${spelling}.${mac}`),
    ]) {
      assert.equal(devices.findDeviceId(text), undefined, text);
    }
    assert.equal(create(randomBytes(32)).findDeviceId(token), undefined, 'another master key');
    // A nonce that this service did not issue is replaced.
    assert.notEqual(devices.remember(`v1.${forged}.${mac}`, 'mother').split('.')[1], forged);
  });

  it('are unknown with a changed, moved or malformed token', () => {
    const token = devices.remember(undefined, 'mother');
    const [version, nonce = '', mac = ''] = token.split('.');
    const otherNonce = devices.remember(undefined, 'mother').split('.')[1] ?? '';
    for (const text of [
      undefined,
      '',
      'v1',
      `v2.${nonce}.${mac}`,
      `${version ?? ''}.${otherNonce}.${mac}`,
      `v1.${nonce}`,
      `v1.${nonce}.`,
      `${token}.`,
      `${token}\n`,
      `v1.${nonce}.${mac.slice(1)}`,
      `v1.${nonce}.${mac.slice(1)}A`,
      ['v1', nonce, ...Array.from({ length: 6 }, () => mac)].join('.'),
    ]) {
      assert.equal(devices.findCounterKey(text, 'mother'), undefined, text);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(devices.findCounterKey(text, 'mother'), undefined);
        assert.match(devices.remember(text, 'mother'), /^v1\.[\w-]{22}\.[\w-]{43}$/);
      }),
    );
  });
});
