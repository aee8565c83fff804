import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { readCredential, errorAt, countFailures, setFirstPassword, personId, setStatus } from '../helpers/city.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, type Answer } from '../helpers/http-browser.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { startService, type TestService } from '../helpers/service.ts';

const GUESSES = 50;

/** Counts the responses of each status. */
const tally = (answers: readonly Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(`fifty concurrent guesses (${engine})`, () => {
    let service: TestService;
    let time: FrozenTime;
    before(async () => {
      const databaseUrl = engine === 'postgres' ? { databaseUrl: await testDatabaseUrl() } : {};
      time = freezeTime();
      service = await startService({ clients: [], ...databaseUrl });
    });
    after(async () => {
      await service.stop();
      time.release();
    });

    const guess = async (logins: readonly string[]): Promise<Answer[]> => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account');
      return Promise.all(
        logins.map((login, at) => httpBrowser.submit(page, { login, password: `guess ${String(at)}` })),
      );
    };
    const same = (login: string): string[] => Array.from({ length: GUESSES }, () => login);

    it('count as fifty for one account: five are verified, the others throttled', async () => {
      for (const login of [LOGIN.G2, 'unknown@parents.example']) {
        assert.deepEqual(tally(await guess(same(login))), { 422: 5, 429: GUESSES - 5 }, login);
      }
      assert.equal(await countFailures(service, 'G2'), 5);
    });

    it('count as five for a first password and do not close it', async () => {
      assert.deepEqual(tally(await guess(same(LOGIN.G1))), { 422: 5, 429: GUESSES - 5 });
      const first = (await readCredential(service, 'G1')).first;
      assert.deepEqual([first?.failures, first?.closedAt], [5, null]);
      time.advance(MINUTE);
      const httpBrowser = createHttpBrowser(service.issuer);
      const right = await httpBrowser.submit(await httpBrowser.open('/account'), {
        login: LOGIN.G1,
        password: '100201',
      });
      assert.equal(interactionOf(right), 'new_password');
    });

    it('count as fifty for their address', async () => {
      const addresses = async (): Promise<number> => {
        const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
        return rows.filter(({ key }) => key.startsWith('address:')).reduce((sum, { failures }) => sum + failures, 0);
      };
      time.advance(10 * MINUTE);
      const logins = Array.from({ length: GUESSES }, (_, at) => `unknown.${String(at)}@parents.example`);
      assert.deepEqual(tally(await guess(logins)), { 422: GUESSES });
      assert.equal(await addresses(), GUESSES);
    });
  });
}

describe('a full hash queue', () => {
  let service: TestService;
  before(async () => {
    service = await startService({
      clients: [],
      // One running hash and one in the queue, each slow: of three at once, one is rejected.
      env: {
        KINPASS_HASH_THREADS: '1',
        KINPASS_HASH_QUEUE_LIMIT: '1',
        KINPASS_HASH_MEMORY_KIB: '65536',
        KINPASS_HASH_PASSES: '4',
      },
    });
  });
  after(() => service.stop());

  it('returns the form with the entered values and counts no attempt', async () => {
    const keys = ['G2', 'G3', 'G4', 'T1', 'T2', 'B1'] as const;
    const tries = await Promise.all(
      keys.map(async (key, at) => {
        const httpBrowser = createHttpBrowser(service.issuer);
        const page = await httpBrowser.open('/account');
        return {
          key,
          httpBrowser,
          page,
          typed: { login: LOGIN[key], password: at === 0 ? DEMO_PASSWORD : `wrong "${key}"`, remember: 'yes' },
        };
      }),
    );
    const answers = await Promise.all(
      tries.map(async (one) => ({ ...one, answer: await one.httpBrowser.submit(one.page, one.typed) })),
    );
    const busy = answers.filter(({ answer }) => answer.status === 503);
    assert.ok(busy.length >= 2 && busy.length < keys.length, `${String(busy.length)} were sent away`);
    for (const { key, answer, typed } of busy) {
      assert.equal(answer.headers.get('retry-after'), '5');
      assert.equal(alertOf(answer.body), '目前登入人數較多，請稍候幾秒再按一次，您輸入的資料都還在。');
      assert.equal(interactionOf(answer), 'login');
      assert.ok(answer.body.includes(`value="${typed.login}"`));
      assert.ok(answer.body.includes(`value="${typed.password.replaceAll('"', '&#34;')}"`));
      assert.match(answer.body, /name="remember"[^>]* checked/);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.equal(await countFailures(service, key), 0);
    }
    const [one] = busy;
    assert.ok(one);
    const again = await one.httpBrowser.submit(one.answer, { ...one.typed, password: DEMO_PASSWORD });
    assert.equal(again.status, 200);
    assert.equal(new URL(again.url).pathname, '/account');
  });

  /** Asserts that the form contains the entered values, so its button repeats the request. */
  const assertFormKept = (answer: Answer, fields: Record<string, string>): void => {
    assert.equal(alertOf(answer.body), '目前登入人數較多，請稍候幾秒再按一次，您輸入的資料都還在。');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    for (const [name, value] of Object.entries(fields)) {
      const [input = ''] = new RegExp(`<input[^>]* name="${name}"[^>]*>`).exec(answer.body) ?? [];
      assert.ok(input.includes(`value="${value.replaceAll('"', '&#34;')}"`), input);
    }
  };

  it('keeps the old password and returns the form of a password change', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G5, password: DEMO_PASSWORD });
    const page = await httpBrowser.open('/account/password');
    const fields = {
      current_password: 'wrong',
      new_password: 'four small boats',
      confirm_password: 'four small boats',
    };
    const answers = await Promise.all(Array.from({ length: 5 }, () => httpBrowser.submit(page, fields)));
    const busy = answers.find(({ status }) => status === 503);
    assert.ok(busy);
    assert.equal(busy.headers.get('retry-after'), '5');
    assertFormKept(busy, fields);
    assert.equal(errorAt(busy, 'current_password'), '');
    assert.equal(await countFailures(service, 'G5'), answers.filter(({ status }) => status === 422).length);
  });

  it('does not consume a reset link, and a second submission succeeds', async () => {
    const token = 'x'.repeat(43);
    const later = Date.now() + 10 * MINUTE;
    await service.container.store.write((tx) =>
      upsertResetLink(tx, {
        personId: personId('G2'),
        tokenHash: hashId(token),
        expiresAt: later,
        createdAt: Date.now(),
      }),
    );
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open(`/reset-password?token=${token}`);
    const fields = { new_password: 'four "small" boats', confirm_password: 'four "small" boats' };
    const signIn = await createHttpBrowser(service.issuer).open('/account');
    // Other hashes fill the queue first.
    const others = Array.from({ length: 3 }, () => httpBrowser.submit(signIn, { login: LOGIN.G4, password: 'x' }));
    const answers = await Promise.all([
      ...others,
      ...Array.from({ length: 3 }, () => httpBrowser.submit(page, fields)),
    ]);
    const busy = answers.slice(others.length).find(({ status }) => status === 503);
    assert.ok(busy);
    assertFormKept(busy, fields);
    assert.equal(busy.headers.get('retry-after'), '5');
    const isDone = answers.slice(others.length).some(({ status }) => status === 200);
    assert.equal((await httpBrowser.submit(busy, fields)).status, isDone ? 410 : 200);
  });
});

describe('the duration of a failed sign-in', () => {
  const ROUNDS = 15;
  let service: TestService;
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    // The production cost of a hash, so a difference is measurable.
    service = await startService({ clients: [], env: { KINPASS_HASH_MEMORY_KIB: '19456', KINPASS_HASH_PASSES: '2' } });
    await setStatus(service, 'A2', 'disabled');
    await setFirstPassword(service, 'T2', '100407', -1);
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  it('does not reveal if the account exists, is disabled or has an expired first password', async () => {
    const logins = { unknown: 'unknown@parents.example', wrong: LOGIN.G2, disabled: 'reg.993301', expired: LOGIN.T2 };
    const httpBrowser = createHttpBrowser(service.issuer);
    const took: Record<string, number[]> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      time.advance(15 * MINUTE);
      const page = await httpBrowser.open('/account');
      for (const [kind, login] of Object.entries(logins)) {
        const start = performance.now();
        const { status } = await httpBrowser.submit(page, { login, password: DEMO_PASSWORD.toUpperCase() });
        (took[kind] ??= []).push(performance.now() - start);
        assert.equal(status, 422, kind);
      }
    }
    const median = (kind: string): number => (took[kind] ?? []).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
    for (const kind of ['wrong', 'disabled', 'expired']) {
      const ratio = median(kind) / median('unknown');
      assert.ok(ratio > 0.5 && ratio < 2, `${kind}: ${String(ratio)} times as long as unknown`);
    }
  });
});
