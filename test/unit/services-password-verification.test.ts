import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { createSignIn, type SignIn, type SignInResult } from '../../src/services/authentication/sign-in.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createTestPasswordVerifier } from '../helpers/password-verifier.ts';
import { eachStore } from '../helpers/store.ts';

const PERSON_COUNT = 600;
/** Every twentieth person enters a wrong password once: 5 %. */
const MISTYPE_INTERVAL = 20;
/** Concurrent attempts. */
const AT_ONCE = 150;
const PASSWORD = 'four small boats at anchor';
const SCHOOL = '203.0.113.7';

eachStore('school behind one address', (on) => {
  let hasher: PasswordHasher;
  let signIn: SignIn;
  let now = Date.UTC(2026, 10, 23, 0);
  const clock = { now: () => now };
  before(async () => {
    hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 2, queueLimit: 200 });
    const { log } = createCapturedLog();
    const { store } = on;
    const { passwordVerifier, metrics } = createTestPasswordVerifier({ store, hasher, clock, log });
    signIn = createSignIn({ store, passwordVerifier, metrics, log });
    const hash = await hasher.hash(PASSWORD);
    const ids = Array.from({ length: PERSON_COUNT }, (_, at) => ({ at, id: systemRandom.uuid() }));
    await store.write(async (tx) => {
      const made = { createdAt: now, updatedAt: now };
      const person = { kind: 'person' as const, status: 'active' as const, locale: 'zh-TW', birthDateSealed: null };
      await insertMany(
        tx,
        tx.tables.persons,
        ids.map(({ id, at }) => ({
          ...{ ...person, ...made, id, name: `學生${String(at)}` },
          ...{ nationalIdLookup: null, nationalIdSealed: null },
        })),
      );
      await insertMany(
        tx,
        tx.tables.identifiers,
        ids.map(({ id, at }) => ({
          ...{ id: systemRandom.uuid(), personId: id, kind: 'account' as const, value: accountOf(at), scope: '' },
          ...{ verifiedAt: now, createdAt: now },
        })),
      );
      await insertMany(
        tx,
        tx.tables.passwords,
        ids.map(({ id: personId }) => ({ personId, hash, changedAt: now })),
      );
    });
  });
  after(() => hasher.close());

  const accountOf = (at: number): string => `pupil.${String(at)}`;
  const attempt = (at: number, password: string, address = SCHOOL): Promise<SignInResult> =>
    signIn.attempt({ login: accountOf(at), password, address, clientId: undefined });
  const inWaves = async (work: (at: number) => Promise<SignInResult>): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    for (let from = 0; from < PERSON_COUNT; from += AT_ONCE) {
      const wave = Array.from({ length: Math.min(AT_ONCE, PERSON_COUNT - from) }, (_, at) => from + at);
      for (const { kind } of await Promise.all(wave.map(work))) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  };

  it('signs in 600 people in the same second, with 5 % typing errors', async () => {
    const wrong = await inWaves((at) => attempt(at, at % MISTYPE_INTERVAL === 0 ? `${PASSWORD}x` : PASSWORD));
    assert.deepEqual(Object.fromEntries(wrong), {
      failed: PERSON_COUNT / MISTYPE_INTERVAL,
      succeeded: PERSON_COUNT - PERSON_COUNT / MISTYPE_INTERVAL,
    });
    const again = await inWaves((at) =>
      at % MISTYPE_INTERVAL === 0 ? attempt(at, PASSWORD) : Promise.resolve({ kind: 'failed' as const }),
    );
    assert.equal(again.get('succeeded'), PERSON_COUNT / MISTYPE_INTERVAL);
  });

  it('stops password spraying from another address after 300 attempts', async () => {
    const counts = await inWaves((at) => attempt(at, 'Kinpass-Guess-2026', '198.51.100.66'));
    assert.deepEqual(Object.fromEntries(counts), { failed: 300, throttled: 300 });
    assert.equal((await attempt(1, PASSWORD)).kind, 'succeeded', 'the school is not affected');
    now += 10_000;
    const later = await inWaves((at) => attempt(at, 'Kinpass-Guess-2026', '198.51.100.66'));
    assert.equal(later.get('failed'), 10, 'one try in a second');
    assert.equal(later.get('throttled'), PERSON_COUNT - 10);
  });
});
