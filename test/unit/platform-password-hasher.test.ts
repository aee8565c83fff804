import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { HashQueueFullError } from '../../src/platform/errors.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { isEasilyGuessed } from '../../src/platform/hashing/password-strength.ts';
import { createCapturedLog } from '../helpers/log.ts';

/** The default of the service: 19 MiB, two passes (OWASP Password Storage Cheat Sheet). */
const REAL = { memoryKib: 19_456, passes: 2, threads: 1, queueLimit: 10 };

describe('the password hasher at production cost', () => {
  let hasher: PasswordHasher;
  before(async () => {
    hasher = await createPasswordHasher(REAL);
  });
  after(() => hasher.close());

  it('creates salted argon2id hashes with the given parameters', async () => {
    const [one, other] = [await hasher.hash('four small boats'), await hasher.hash('four small boats')];
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22,}\$[\w+/]{43}$/);
    assert.notEqual(one, other);
  });

  it('verifies the exact password only, also beyond 72 bytes and NUL', async () => {
    const password = '四艘小船'.repeat(60);
    const hash = await hasher.hash(password);
    assert.equal(await hasher.verify(hash, password), true);
    for (const wrong of ['', password.slice(0, -1), `${password} `, password.slice(0, 72), `${password}\0`]) {
      assert.equal(await hasher.verify(hash, wrong), false);
    }
    const withNul = await hasher.hash('a\0b');
    assert.equal(await hasher.verify(withNul, 'a'), false);
    assert.equal(await hasher.verify(withNul, 'a\0c'), false);
    assert.equal(await hasher.verify(withNul, 'a\0b'), true);
  });

  it('needsRehash returns true for hashes of another cost', async () => {
    const cheap = await createPasswordHasher({ ...REAL, memoryKib: 7_168, passes: 1 });
    const old = await cheap.hash('four small boats');
    await cheap.close();
    assert.equal(hasher.needsRehash(old), true);
    assert.equal(hasher.needsRehash(await hasher.hash('x')), false);
    assert.equal(await hasher.verify(old, 'four small boats'), true, 'and still verifies them');
  });

  it('runs in a thread with a lower priority than the main one', async () => {
    await hasher.hash('four small boats');
    // proc_pid_stat(5): the name is in brackets, `nice` is the 19th field.
    const niceness = readdirSync('/proc/self/task').map((thread) => {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return { thread: Number(thread), nice: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]) };
    });
    const own = niceness.find(({ thread }) => thread === process.pid)?.nice ?? NaN;
    assert.ok(own < 10, 'the tests themselves run at a normal priority');
    assert.equal(niceness.filter(({ nice }) => nice === 10).length, REAL.threads);
  });

  it('isNearCapacity returns true when half of the queue is full', async () => {
    const few = await createPasswordHasher({ ...REAL, queueLimit: 4 });
    const states = ['a', 'b', 'c'].map((one) => [few.hash(one), few.isNearCapacity()] as const);
    assert.deepEqual(
      states.map(([, isNear]) => isNear),
      [false, false, true],
    );
    await Promise.all(states.map(([work]) => work));
    assert.equal(few.isNearCapacity(), false);
    await few.close();
  });

  it('decoy verification costs the same and returns false', async () => {
    const hash = await hasher.hash('four small boats');
    const times = { real: [] as number[], decoy: [] as number[] };
    for (let round = 0; round < 15; round += 1) {
      const [a, b] = [performance.now(), await hasher.verify(hash, 'wrong')];
      const middle = performance.now();
      const no = await hasher.verifyDecoy('no account has this password');
      times.real.push(middle - a);
      times.decoy.push(performance.now() - middle);
      assert.deepEqual([b, no], [false, false]);
    }
    // Other load only adds time, so the fastest round shows the cost.
    const ratio = Math.min(...times.decoy) / Math.min(...times.real);
    assert.ok(ratio > 0.5 && ratio < 2, String(ratio));
    assert.ok(Math.min(...times.real) > 3, 'hashing must take measurable time');
  });
});

describe('verifyDecoy', () => {
  const SMALL = { memoryKib: 7_168, passes: 1, threads: 1, queueLimit: 10 };
  let hasher: PasswordHasher;
  let expensive: PasswordHasher;
  before(async () => {
    [hasher, expensive] = await Promise.all([
      createPasswordHasher(SMALL),
      createPasswordHasher({ ...SMALL, memoryKib: 65_536, passes: 4 }),
    ]);
  });
  after(() => Promise.all([hasher.close(), expensive.close()]));

  const timeOf = async (work: () => Promise<boolean>): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now();
      assert.equal(await work(), false);
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };

  it('costs what the given hash costs, not what a hash costs today', async () => {
    const stored = await expensive.hash('four small boats');
    const real = await timeOf(() => hasher.verify(stored, 'wrong'));
    const decoy = await timeOf(() => hasher.verifyDecoy('wrong', stored));
    const today = await timeOf(() => hasher.verifyDecoy('wrong'));
    assert.ok(decoy > real / 2 && decoy < real * 2, `${String(decoy)} and ${String(real)}`);
    assert.ok(decoy > today * 5, `36 times the work: ${String(decoy)} and ${String(today)}`);
  });

  it('returns false for every password, also for that of the given hash', async () => {
    const stored = await hasher.hash('four small boats');
    for (const password of ['four small boats', 'no account has this password', '']) {
      assert.equal(await hasher.verifyDecoy(password, stored), false);
    }
  });

  it('costs what a hash costs today where the given one cannot be read or asks for too much', async () => {
    const today = await timeOf(() => hasher.verifyDecoy('x'));
    for (const parameters of [
      'm=4000000000,t=1,p=1',
      'm=7168,t=65,p=1',
      'm=7168,t=1,p=17',
      'm=1,t=1,p=1',
      'm=65536,t=0,p=1',
    ]) {
      const took = await timeOf(() =>
        hasher.verifyDecoy('x', `$argon2id$v=19$${parameters}$c2FsdHNhbHQ$ZGlnZXN0ZGlnZXN0`),
      );
      assert.ok(took < today * 4, `${parameters}: ${String(took)} and ${String(today)}`);
    }
    for (const text of ['', 'nonsense', '{SSHA}c2FsdA==']) assert.equal(await hasher.verifyDecoy('x', text), false);
  });
});

describe('the queue of the password hasher', () => {
  it('rejects work when it is full and accepts work when a slot is free again', async () => {
    const hasher = await createPasswordHasher({ ...REAL, memoryKib: 65_536, passes: 3, threads: 1, queueLimit: 2 });
    const results = await Promise.allSettled(Array.from({ length: 6 }, (_, at) => hasher.hash(String(at))));
    const busy = results.filter((result) => result.status === 'rejected');
    assert.ok(busy.length >= 3, `${String(busy.length)} were rejected`);
    for (const { reason } of busy) assert.ok(reason instanceof HashQueueFullError);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 6 - busy.length);
    assert.match(await hasher.hash('again'), /^\$argon2id\$/);
    const both = Promise.allSettled([
      hasher.verifyDecoy('a'),
      hasher.verifyDecoy('b'),
      hasher.verifyDecoy('c'),
      hasher.verifyDecoy('d'),
    ]);
    assert.ok(
      (await both).some(({ status }) => status === 'rejected'),
      'decoy verifications use the same queue',
    );
    await hasher.close();
  });

  it('reports its current length in the metrics', async () => {
    const hasher = await createPasswordHasher({ ...REAL, memoryKib: 65_536, passes: 3, threads: 1, queueLimit: 10 });
    const { registry } = createMetrics(hasher, createCapturedLog().log);
    const shown = async (): Promise<string | undefined> =>
      /^kinpass_password_hash_queue_length (\d+)$/m.exec(await registry.metrics())?.[1];
    assert.equal(await shown(), '0');
    const work = Promise.all(['a', 'b', 'c'].map((password) => hasher.hash(password)));
    assert.match((await shown()) ?? '', /^[23]$/);
    await work;
    assert.equal(await shown(), '0');
    await hasher.close();
  });

  it('does not estimate the strength of a password when it is full', async () => {
    const hasher = await createPasswordHasher({ ...REAL, memoryKib: 65_536, passes: 3, threads: 1, queueLimit: 1 });
    const work = Promise.all([hasher.hash('a'), hasher.hash('b')]);
    await assert.rejects(hasher.isEasilyGuessed('password1234'), HashQueueFullError);
    await work;
    assert.equal(await hasher.isEasilyGuessed('password1234'), true);
    assert.equal(await hasher.isEasilyGuessed('four small boats at anchor'), false);
    await hasher.close();
  });

  it('does not block the main thread', async () => {
    const hasher = await createPasswordHasher({ ...REAL, memoryKib: 65_536, passes: 4, threads: 1, queueLimit: 10 });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 5);
    await Promise.all([hasher.hash('a'), hasher.isEasilyGuessed('p4$$w0rd!@1l0v3'.repeat(5)), hasher.hash('b')]);
    clearInterval(timer);
    await hasher.close();
    assert.ok(turns >= 5, `${String(turns)} turns`);
  });
});

describe('isEasilyGuessed', () => {
  it('returns true for common passwords with small changes', () => {
    for (const password of [
      'password',
      'Password1234',
      'p@ssw0rd1234',
      'qwertyuiop12',
      '123456789012',
      'iloveyou2024',
    ]) {
      assert.equal(isEasilyGuessed(password), true, password);
    }
  });

  it('returns false for sentences of any language and for random text', () => {
    for (const password of [
      'four small boats at anchor',
      '四艘小船在港口過夜',
      'tbt0 qvnz 8Xa2 kfpw',
      'Bốn chiếc thuyền nhỏ',
    ]) {
      assert.equal(isEasilyGuessed(password), false, password);
    }
  });

  it('reads 64 characters only', () => {
    const random = 'tbt0 qvnz 8Xa2 kfpw';
    assert.equal(isEasilyGuessed('a'.repeat(64) + random), true);
    assert.equal(isEasilyGuessed('a'.repeat(63 - random.length) + random), false);
  });

  it('takes less than two seconds for long passwords', () => {
    const start = performance.now();
    for (const password of ['ab1!'.repeat(64), 'a'.repeat(256), '1q2w3e4r'.repeat(32)]) isEasilyGuessed(password);
    assert.ok(performance.now() - start < 2_000);
  });
});
