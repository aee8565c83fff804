import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { beforeEach, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import {
  createKeyRing,
  MIN_PUBLICATION_MS,
  type KeyRing,
  type ProviderKeys,
} from '../../src/services/keys/key-ring.ts';
import { listEntries } from '../../src/store/audit.ts';
import { listKeys } from '../../src/store/oidc/keys.ts';
import { DAY, SCHOOL_DAY } from '../helpers/frozen-time.ts';
import { eachStore } from '../helpers/store.ts';

eachStore('key ring', (on) => {
  let now: number;
  let ring: KeyRing;
  const ringWith = (masterKey: Buffer): KeyRing => {
    const clock = { now: () => now };
    const secrets = createSecrets(masterKey, systemRandom);
    const audit = { append: createAppend({ clock, secrets }) };
    return createKeyRing({ store: on.store, secrets, random: systemRandom, clock, audit });
  };
  const masterKey = randomBytes(32);
  const kids = ({ jwks }: ProviderKeys, alg: string): string[] =>
    jwks.keys.filter((key) => key.alg === alg).map(({ kid }) => kid);
  const states = async (): Promise<string[]> =>
    (await on.store.read((tx) => listKeys(tx))).map(({ purpose, alg, state }) => `${purpose} ${alg} ${state}`).sort();

  beforeEach(async () => {
    now = SCHOOL_DAY;
    ring = ringWith(masterKey);
    await on.store.write((tx) => tx.db.delete(tx.tables.keys));
  });

  it('generates current and next keys only on the first start', async () => {
    const keys = await ring.load();
    assert.deepEqual(await states(), [
      'cookie  current',
      'cookie  next',
      'pairwise  current',
      'sign ES256 current',
      'sign ES256 next',
      'sign RS256 current',
      'sign RS256 next',
    ]);
    assert.deepEqual(await ring.load(), keys);
    assert.equal(keys.cookieKeys.length, 2);
    for (const key of keys.cookieKeys) assert.equal(Buffer.from(key, 'base64url').length, 32);
    assert.equal(keys.pairwiseKey.symmetricKeySize, 32);
    for (const jwk of keys.jwks.keys) {
      assert.equal(jwk.use, 'sig');
      const details = createPrivateKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails;
      assert.equal(
        jwk.alg === 'RS256' ? details?.modulusLength : details?.namedCurve,
        jwk.alg === 'RS256' ? 2048 : 'prime256v1',
      );
    }
  });

  it('restores a single missing key', async () => {
    const before = await ring.load();
    await on.store.runExclusively((run) =>
      run("delete from keys where purpose = 'sign' and alg = 'RS256' and state = 'next'"),
    );
    const after = await ring.load();
    assert.deepEqual(kids(after, 'ES256'), kids(before, 'ES256'));
    assert.equal(kids(after, 'RS256')[0], kids(before, 'RS256')[0]);
    assert.equal(kids(after, 'RS256').length, 2);
    assert.deepEqual(after.cookieKeys, before.cookieKeys);
    assert.ok(after.pairwiseKey.equals(before.pairwiseKey));
  });

  it('signs with the next key after a rotation and publishes the previous one', async () => {
    const before = await ring.load();
    now += MIN_PUBLICATION_MS;
    assert.equal(await ring.rotate('operator'), true);
    const after = await ring.load();
    for (const alg of ['ES256', 'RS256']) {
      const [current, next] = kids(before, alg);
      const [signing, coming, previous] = kids(after, alg);
      assert.equal(signing, next, 'the published key signs');
      assert.equal(previous, current, 'the old one still verifies');
      assert.ok(coming !== undefined && !kids(before, alg).includes(coming));
      assert.equal(kids(after, alg).length, 3);
    }
    assert.equal(after.cookieKeys[0], before.cookieKeys[1]);
    assert.ok(after.pairwiseKey.equals(before.pairwiseKey), 'every sub stays as it is');
    assert.notEqual(after.version, before.version);
    assert.equal(await ring.version(), after.version);
  });

  it('deletes a signing key at the second rotation', async () => {
    const [first = ''] = kids(await ring.load(), 'ES256');
    for (const left of [true, false]) {
      now += MIN_PUBLICATION_MS;
      await ring.rotate('operator');
      assert.equal(kids(await ring.load(), 'ES256').includes(first), left);
    }
  });

  it('does not rotate before the next key is published for ten minutes', async () => {
    await ring.load();
    assert.equal(MIN_PUBLICATION_MS, 600_000);
    now += MIN_PUBLICATION_MS - 1;
    const before = await states();
    assert.equal(await ring.rotate('operator'), false);
    assert.equal(await ring.rotate('operator', 0), false);
    assert.deepEqual(await states(), before);
    now += 1;
    assert.equal(await ring.rotate('operator', 0), true);
  });

  it('does not rotate before the scheduled age', async () => {
    await ring.load();
    now += 30 * DAY - 1;
    assert.equal(await ring.rotate('schedule', 30 * DAY), false);
    now += 1;
    assert.equal(await ring.rotate('schedule', 30 * DAY), true);
    const [last] = (await on.store.read((tx) => listEntries(tx, 0, 1_000))).slice(-1);
    assert.deepEqual([last?.event, last?.outcome, last?.detail], ['keys.rotated', 'ok', { by: 'schedule' }]);
  });

  it('does not rotate while a next key is missing', async () => {
    await ring.load();
    now += MIN_PUBLICATION_MS;
    await on.store.runExclusively((run) => run("delete from keys where purpose = 'cookie' and state = 'next'"));
    assert.equal(await ring.rotate('operator'), false);
  });

  it('rejects another master key and stores nothing with it', async () => {
    await ring.load();
    now += MIN_PUBLICATION_MS;
    const before = await states();
    const other = ringWith(randomBytes(32));
    await assert.rejects(other.load(), /KINPASS_MASTER_KEY_FILE/);
    await assert.rejects(other.rotate('operator'), /KINPASS_MASTER_KEY_FILE/);
    assert.deepEqual(await states(), before);
  });

  it('has a version that depends on ids and states only', async () => {
    await ring.load();
    const version = await ring.version();
    assert.match(version, /^[0-9a-f]{64}$/);
    now += DAY;
    assert.equal(await ring.version(), version);
    await on.store.runExclusively((run) =>
      run("update keys set state = 'previous' where state = 'next' and purpose = 'cookie'"),
    );
    assert.notEqual(await ring.version(), version);
  });
});
