/** The stored keys of the provider. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createKeyRing, MIN_PUBLICATION_MS, type KeyRing } from '../../src/services/keys/key-ring.ts';
import { readEntries } from '../../src/store/audit.ts';
import type { Store } from '../../src/store/database/index.ts';
import { DAY, MINUTE, SCHOOL_DAY } from '../helpers/frozen-time.ts';
import { eachStore } from '../helpers/store.ts';

/** Creates the key rings of two nodes with one database and one clock. */
function nodesOn(store: Store): { one: KeyRing; other: KeyRing; forward: (ms: number) => void } {
  let now = SCHOOL_DAY;
  const clock = { now: () => now };
  const secrets = createSecrets(Buffer.alloc(32, 7), systemRandom);
  const audit = { append: createAppend({ clock, secrets }) };
  const ring = (): KeyRing => createKeyRing({ store, secrets, random: systemRandom, clock, audit });
  return {
    one: ring(),
    other: ring(),
    forward: (ms) => {
      now += ms;
    },
  };
}

eachStore('key ring', (on) => {
  it('keeps cookie keys for the lifetime of a remembered session, and no rotation longer', async () => {
    const { one, forward } = nodesOn(on.store);
    const [first = ''] = (await one.load()).cookieKeys;
    for (const rotation of ['one', 'two']) {
      forward(11 * MINUTE);
      assert.equal(await one.rotate('operator'), true, rotation);
    }
    assert.ok((await one.load()).cookieKeys.includes(first));
    assert.equal((await one.load()).jwks.keys.length, 6, 'signing keys: previous, current and next of two algorithms');
    forward(29 * DAY);
    await one.rotate('operator');
    assert.ok((await one.load()).cookieKeys.includes(first), 'a session that began before lives on');
    forward(2 * DAY);
    await one.rotate('operator');
    assert.equal((await one.load()).cookieKeys.includes(first), false);
  });

  it('records each rotation and its origin in the audit log', async () => {
    const { one, other, forward } = nodesOn(on.store);
    await one.load();
    const rotations = async (): Promise<unknown[]> => {
      const found = [];
      for await (const { event, detail } of readEntries(on.store))
        if (event === 'keys.rotated') found.push(detail['by']);
      return found;
    };
    const before = (await rotations()).length;
    forward(80 * DAY);
    const all = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? one : other));
    await Promise.all(all.map((node) => node.rotate('schedule', 30 * DAY)));
    assert.equal(await one.rotate('operator'), false, 'too early');
    assert.deepEqual((await rotations()).slice(before), ['schedule'], 'once, though nodes asked in the same moment');
    forward(MIN_PUBLICATION_MS);
    await one.rotate('operator');
    assert.deepEqual((await rotations()).slice(before), ['schedule', 'operator']);
  });

  it('opens no key under the name of another', async () => {
    const { one } = nodesOn(on.store);
    await one.load();
    const moves = ["purpose = 'cookie', alg = ''", "alg = 'RS256'"];
    for (const move of moves) {
      const where = "purpose = 'sign' and alg = 'ES256' and state = 'next'";
      await on.store.runExclusively(async (run) => {
        await run("delete from keys where state = 'next' and not (purpose = 'sign' and alg = 'ES256')");
        await run(`update keys set ${move} where ${where}`);
      });
      await assert.rejects(one.load(), /not the key that the database was sealed with/, move);
      await on.store.runExclusively((run) => run("delete from keys where state = 'next'"));
      await one.load();
    }
  });
});
