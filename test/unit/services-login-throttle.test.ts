/** Results, counters, costs and audit entries of password attempts. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { MAX_FAILURES } from '../../src/domain/credentials/first-password.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { HashQueueFullError, UnsupportedHashError } from '../../src/platform/errors.ts';
import { firstPasswordMac, type VerificationRequest } from '../../src/services/authentication/password-verification.ts';
import { getCredential, upsertFirstPassword, upsertPassword } from '../../src/store/auth/credentials.ts';
import { family } from '../contract/family.ts';
import { createTestServices, readableHash, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const RIGHT = 'four small boats at anchor';
const FIRST = 'Y100100201';
const LOGIN = { kind: 'email', value: 'daming@parents.example' } as const;

eachStore('password attempt', (on) => {
  let services: TestServices;
  const attempt = (
    password: string,
    more: Partial<VerificationRequest> = {},
  ): Promise<{ kind: string; until?: number | undefined }> =>
    services.passwordVerifier.verify({ personId: 'father', login: LOGIN, password, address: '203.0.113.7', ...more });
  const kinds = async (count: number, password: string, more: Partial<VerificationRequest> = {}): Promise<string[]> => {
    const found: string[] = [];
    for (let time = 0; time < count; time += 1) found.push((await attempt(password, more)).kind);
    return found;
  };
  const hashOf = async (personId: string): Promise<string | undefined> =>
    (await on.store.read((tx) => getCredential(tx, personId))).hash;
  const giveFirst = (personId: string, expiresAt = TEST_NOW + DAY_MS): Promise<void> =>
    on.store.write((tx) =>
      upsertFirstPassword(tx, {
        kind: 'first',
        personId,
        mac: firstPasswordMac(services.secrets, personId, FIRST),
        expiresAt,
        createdAt: TEST_NOW,
      }),
    );
  const asStudent = { personId: 'older', login: { kind: 'account', value: 'an.wang' } } as const;

  before(() => on.store.write(family));
  beforeEach(async () => {
    services = createTestServices(on.store);
    await on.store.write(async (tx) => {
      for (const table of [tx.tables.throttles, tx.tables.firstPasswords, tx.tables.passwords, tx.tables.outbox])
        await tx.db.delete(table);
      await tx.db.update(tx.tables.identifiers).set({ verifiedAt: 1 });
      await upsertPassword(tx, 'father', readableHash(RIGHT), 1);
    });
    await services.newEntries();
  });

  it('accepts only the correct password, in any character width', async () => {
    assert.equal((await attempt(RIGHT)).kind, 'password');
    assert.equal((await attempt('ｆｏｕｒ small boats at anchor')).kind, 'password');
    assert.equal((await attempt(`${RIGHT} `)).kind, 'wrong');
    assert.equal((await attempt(RIGHT.toUpperCase())).kind, 'wrong');
    assert.equal((await attempt('')).kind, 'wrong');
    assert.equal((await attempt(RIGHT, { personId: 'older' })).kind, 'wrong', 'the password of another person');
  });

  it('costs one hash computation for every result', async () => {
    assert.equal((await attempt('wrong')).kind, 'wrong');
    assert.deepEqual(services.hasher.decoys, [], 'the stored hash was computed');
    await attempt('ｗrong', { personId: undefined });
    await attempt('wrong', { personId: 'older' });
    assert.deepEqual(services.hasher.decoys, ['wrong', 'wrong'], 'in the form that is hashed');
    await giveFirst('older');
    await attempt(FIRST, asStudent);
    await attempt('wrong', asStudent);
    assert.equal(services.hasher.decoys.length, 4);
  });

  it('is delayed after five wrong passwords, the correct one too, until the stated time', async () => {
    assert.deepEqual(
      await kinds(5, 'wrong'),
      Array.from({ length: 5 }, () => 'wrong'),
    );
    assert.deepEqual(await attempt(RIGHT), { kind: 'throttled', until: TEST_NOW + 30_000 });
    services.advance(29_999);
    assert.equal((await attempt(RIGHT)).kind, 'throttled');
    services.advance(1);
    assert.equal((await attempt(RIGHT)).kind, 'password');
    assert.deepEqual(
      await kinds(5, 'wrong'),
      Array.from({ length: 5 }, () => 'wrong'),
      'a success forgets',
    );
  });

  it('is delayed in the same way for logins without an account', async () => {
    const unknown = { personId: undefined, login: { kind: 'email', value: 'unknown@parents.example' } } as const;
    assert.deepEqual(
      await kinds(5, 'wrong', unknown),
      Array.from({ length: 5 }, () => 'wrong'),
    );
    assert.deepEqual(await attempt('wrong', unknown), { kind: 'throttled', until: TEST_NOW + 30_000 });
  });

  it('is delayed with the person if no login is typed', async () => {
    await kinds(5, 'wrong', { login: undefined });
    assert.deepEqual(await attempt(RIGHT, { login: undefined }), { kind: 'throttled', until: TEST_NOW + 30_000 });
    assert.equal((await attempt(RIGHT)).kind, 'password', 'another login than the one that waits');
  });

  it('is reset under every login by an unlock', async () => {
    const mobile = { kind: 'mobile', value: '+886900000101' } as const;
    for (const login of [LOGIN, mobile, undefined]) await kinds(6, 'wrong', { login });
    for (const login of [LOGIN, mobile, undefined]) assert.equal((await attempt(RIGHT, { login })).kind, 'throttled');
    await on.store.write((tx) => services.passwordVerifier.resetFailures(tx, 'father'));
    for (const login of [LOGIN, mobile, undefined]) assert.equal((await attempt(RIGHT, { login })).kind, 'password');
  });

  it('is admitted on a known device during the delay of other devices', async () => {
    await kinds(5, 'wrong');
    const device = services.knownDevices.remember(undefined, 'father');
    assert.equal((await attempt(RIGHT, { device })).kind, 'password');
    await kinds(5, 'wrong');
    assert.equal(
      (await attempt(RIGHT, { device: services.knownDevices.remember(undefined, 'older') })).kind,
      'throttled',
    );
  });

  it('is refused after 300 wrong passwords from one address; successes are not counted', async () => {
    const { store } = on;
    const address = '198.51.100.7';
    for (let time = 0; time < 3; time += 1) assert.equal((await attempt(RIGHT, { address })).kind, 'password');
    const key = (await store.read((tx) => tx.db.select().from(tx.tables.throttles))).find(({ key }) =>
      key.startsWith('address:'),
    );
    assert.equal(key?.failures, 0);
    await store.write((tx) => tx.db.update(tx.tables.throttles).set({ failures: 300, updatedAt: TEST_NOW }));
    assert.deepEqual(await attempt(RIGHT, { address }), { kind: 'throttled', until: TEST_NOW + 1_000 });
    assert.equal((await attempt(RIGHT)).kind, 'password', 'another address');
  });

  it('is not counted when the service is busy', async () => {
    services.hasher.fails = new HashQueueFullError('busy');
    for (let time = 0; time < 8; time += 1) await assert.rejects(attempt('wrong'), HashQueueFullError);
    services.hasher.fails = undefined;
    assert.deepEqual(
      await kinds(5, 'wrong'),
      Array.from({ length: 5 }, () => 'wrong'),
      'none was counted',
    );
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.throttles));
    assert.equal(rows.find(({ key }) => key.startsWith('address:'))?.failures, 5);
  });

  it('fails for an unreadable hash, and logs an error', async () => {
    services.hasher.fails = new UnsupportedHashError('unreadable');
    assert.equal((await attempt(RIGHT)).kind, 'wrong');
    assert.deepEqual(services.hasher.decoys, [RIGHT], 'for the same cost');
    assert.match(services.capturedLog.text(), /failed to read a stored password hash/);
    services.hasher.fails = new Error('a bug');
    await assert.rejects(attempt(RIGHT), /a bug/);
  });

  it('renews an outdated hash, and succeeds without renewal under load', async () => {
    const old = `old ${readableHash(RIGHT)}`;
    const putOld = (): Promise<number> => on.store.write((tx) => upsertPassword(tx, 'father', old, 1));
    await putOld();
    assert.equal((await attempt(RIGHT)).kind, 'password');
    assert.equal(await hashOf('father'), old, 'it is not outdated');
    services.hasher.outdated.add(old);
    assert.equal((await attempt('wrong')).kind, 'wrong');
    assert.equal(await hashOf('father'), old, 'a wrong one renews nothing');
    assert.equal((await attempt(RIGHT)).kind, 'password');
    assert.equal(await hashOf('father'), readableHash(RIGHT));
    await putOld();
    services.hasher.hash = () => Promise.reject(new HashQueueFullError('busy'));
    assert.equal((await attempt(RIGHT)).kind, 'password');
    assert.equal(await hashOf('father'), old);
    services.hasher.hash = () => Promise.reject(new Error('a bug'));
    await assert.rejects(attempt(RIGHT), /a bug/);
  });

  it('accepts a first password in any spelling until it expires', async () => {
    await giveFirst('older');
    for (const typed of [FIRST, ' y100 100201', 'Ｙ１００１００２０１']) {
      assert.equal((await attempt(typed, asStudent)).kind, 'first_password', typed);
    }
    assert.equal((await attempt(FIRST.slice(1), asStudent)).kind, 'wrong');
    await giveFirst('younger');
    assert.notEqual(
      firstPasswordMac(services.secrets, 'older', FIRST),
      firstPasswordMac(services.secrets, 'younger', FIRST),
      'the same ID gives each person another value',
    );
    await giveFirst('older', TEST_NOW);
    assert.equal((await attempt(FIRST, asStudent)).kind, 'wrong');
    await giveFirst('older', TEST_NOW + 1);
    assert.equal((await attempt(FIRST, asStudent)).kind, 'first_password');
  });

  it('closes a first password after ten delayed wrong attempts, and mails the person', async () => {
    assert.equal(MAX_FAILURES.first, 10);
    await giveFirst('father');
    let closedAfter = 0;
    for (let time = 1; time <= 12 && closedAfter === 0; time += 1) {
      services.advance(16 * 60_000);
      await attempt('wrong');
      const { first } = await on.store.read((tx) => getCredential(tx, 'father'));
      if (first !== undefined && first.closedAt !== null) closedAfter = time;
    }
    assert.equal(closedAfter, 10);
    const mails = (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [[job.to, job.template]] : []));
    assert.deepEqual(mails, [['daming@parents.example', 'first-password-closed']]);
    services.advance(16 * 60_000);
    assert.equal((await attempt(FIRST)).kind, 'wrong');
  });

  it('does not close a first password after attempts during the delay', async () => {
    await giveFirst('father');
    for (let time = 0; time < 30; time += 1) {
      await attempt('wrong', { login: { kind: 'other', value: `login ${String(time)}` } });
    }
    const { first } = await on.store.read((tx) => getCredential(tx, 'father'));
    assert.equal(first?.closedAt, null);
    assert.ok(first.failures <= 5, String(first.failures));
  });

  it('is recorded with its result, and many refusals once', async () => {
    const auditEventFor = ({ kind }: { kind: string }) => ({ event: `test.${kind}`, outcome: 'ok' as const });
    const newEvents = async (): Promise<string[]> => (await services.newEntries()).map(({ event }) => event);
    const attempt = (password: string): Promise<{ kind: string }> =>
      services.passwordVerifier.verify(
        { personId: 'father', login: LOGIN, password, address: '203.0.113.7' },
        auditEventFor,
      );
    await attempt(RIGHT);
    await attempt('wrong');
    assert.deepEqual(await newEvents(), ['test.password', 'test.wrong']);
    for (let time = 0; time < 4; time += 1) await attempt('wrong');
    await newEvents();
    for (let time = 0; time < 20; time += 1) await attempt(RIGHT);
    assert.deepEqual(await newEvents(), ['test.throttled']);
    services.advance(30_000);
    await attempt(RIGHT);
    assert.deepEqual(await newEvents(), ['sign_in.throttled', 'test.password'], 'the others are summarized');
  });
});
