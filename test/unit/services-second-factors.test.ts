/** Passkeys with an authenticator in software, and the rules about adding and removing second factors. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, it } from 'node:test';

import { totpCode } from '../helpers/totp.ts';
import { HOUR_MS } from '../../src/domain/duration.ts';
import { readThrottle } from '../../src/store/auth/throttles.ts';
import { codeCounterKey } from '../../src/services/authentication/second-factor-verification.ts';
import type { SecondFactors } from '../../src/services/authentication/second-factors.ts';
import { upsertPassword } from '../../src/store/auth/credentials.ts';
import { findPerson } from '../../src/store/people/people.ts';
import { withFamily } from '../contract/family.ts';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '../helpers/passkeys.ts';
import { createTestServices, TEST_ISSUER, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { storeSession } from '../helpers/stored-sessions.ts';

const ADDRESS = '192.0.2.1';
const PERSON = 'father';
const MAX_SECOND_FACTORS = 10;

eachStore('second factors', (on) => {
  let services: TestServices;
  let factors: SecondFactors;
  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    factors = services.secondFactors;
    return on.store.write((tx) => tx.db.update(tx.tables.identifiers).set({ verifiedAt: TEST_NOW }));
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      const { secondFactors, recoveryCodes, throttles, outbox, oidcRecords } = tx.tables;
      for (const table of [secondFactors, recoveryCodes, throttles, outbox, oidcRecords]) await tx.db.delete(table);
    });
    await services.people.setStatus(PERSON, 'active', undefined);
    await services.newEntries();
  });

  type Addition = Awaited<ReturnType<SecondFactors['add']>>;
  const add = (setup: string, more: Partial<Parameters<SecondFactors['add']>[0]> = {}) =>
    factors.add({ personId: PERSON, address: ADDRESS, name: 'phone', isFirst: false, setup, ...more });
  const confirmedTotp = async (personId = PERSON): Promise<{ secret: string; setup: string }> => {
    const { secret, setup } = factors.startTotp(personId);
    const checked = await factors.checkTotp({ personId, setup, code: totpCode(secret, services.clock.now()) });
    assert.ok(checked.kind === 'correct');
    return { secret, setup: checked.setup };
  };
  const addPasskey = async (authenticator: SoftwareAuthenticator): Promise<Addition> => {
    const owner = { personId: PERSON, login: 'f', name: 'F', serviceName: 'Kinpass' };
    const { options, setup } = await factors.startPasskey(owner);
    const checked = await factors.checkPasskey({ personId: PERSON, setup, response: authenticator.create(options) });
    assert.ok(checked);
    return add(checked.setup);
  };
  /** A change in a new session. */
  const inSession = async (personId = PERSON): Promise<{ personId: string; address: string; sessionHash: string }> => {
    const sessionHash = randomUUID();
    await storeSession(services, { personId, sessionHash, expiresAt: services.clock.now() + HOUR_MS });
    return { personId, address: ADDRESS, sessionHash };
  };
  const replaceCodes = async () => factors.replaceRecoveryCodes(await inSession());
  const verify = async (response: string, interaction: string, more: object = {}) =>
    factors.passkeys.verify({
      ...{ interaction, response, personId: undefined, credentialVersion: undefined, isSignIn: true },
      ...{ address: ADDRESS, clientId: 'app', ...more },
    });
  const request = (interaction: string): Promise<string> => factors.passkeys.request(interaction, undefined);
  const mails = async (): Promise<string[]> =>
    (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job.template] : []));
  const changePassword = (): Promise<unknown> =>
    on.store.write((tx) => upsertPassword(tx, PERSON, 'hash', services.clock.now()));
  const failures = async (): Promise<number> =>
    (await on.store.read((tx) => readThrottle(tx, codeCounterKey('totp', PERSON, 'step_up'))))?.failures ?? 0;
  const versionNow = async (): Promise<number> =>
    (await on.store.read((tx) => findPerson(tx, PERSON)))?.credentialVersion ?? 0;

  it('of a synchronized passkey accept each challenge once, although its counter stays 0', async () => {
    const passkey = createSoftwareAuthenticator(TEST_ISSUER, { isSynced: true });
    assert.equal((await addPasskey(passkey)).kind, 'added');
    const options = await request('i');
    const verified = await verify(passkey.get(options), 'i');
    assert.ok(verified.kind === 'verified');
    assert.deepEqual([verified.personId, verified.amr], [PERSON, ['swk', 'user', 'mfa']]);
    assert.equal((await verify(passkey.get(options), 'i')).kind, 'wrong');
    assert.equal((await verify(passkey.get(options), 'other')).kind, 'wrong', 'the challenge of another page');
    assert.equal((await verify(passkey.get(await request('other')), 'other')).kind, 'verified');
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
    assert.deepEqual(
      rows.map(({ model, expiresAt }) => [model, expiresAt]),
      Array(2).fill(['PasskeyChallenge', services.clock.now() + HOUR_MS]),
      'kept as long as a page',
    );
    assert.deepEqual(
      (await services.newEntries()).slice(-4).map(({ event, outcome }) => [event, outcome]),
      [
        ['sign_in.succeeded', 'ok'],
        ['second_factor.failed', 'refused'],
        ['second_factor.failed', 'refused'],
        ['sign_in.succeeded', 'ok'],
      ],
    );
  });

  it('of a passkey are refused with the signature of another key', async () => {
    const passkey = createSoftwareAuthenticator(TEST_ISSUER);
    await addPasskey(passkey);
    const { credentialId: id } = passkey;
    const forger = createSoftwareAuthenticator(TEST_ISSUER);
    const signed: unknown = JSON.parse(forger.get(await request('i')));
    assert.equal((await verify(JSON.stringify({ ...Object(signed), id, rawId: id }), 'i')).kind, 'wrong');
    assert.equal((await verify(passkey.get(await request('i'), false), 'i')).kind, 'wrong', 'no user verification');
    assert.equal((await verify(passkey.get(await request('i')), 'i')).kind, 'verified', 'the challenge was not used');
  });

  it('of a passkey are not registered without user verification or for another challenge', async () => {
    const owner = { personId: PERSON, login: 'f', name: 'F', serviceName: 'Kinpass' };
    const { options, setup } = await factors.startPasskey(owner);
    const other = await factors.startPasskey(owner);
    const passkey = createSoftwareAuthenticator(TEST_ISSUER);
    const check = (sealed: string, response: string) =>
      factors.checkPasskey({ personId: PERSON, setup: sealed, response });
    assert.equal(await check(setup, passkey.create(options, false)), undefined);
    assert.equal(await check(setup, passkey.create(other.options)), undefined);
    assert.equal(await check(setup, '{}'), undefined);
    assert.ok(await check(setup, passkey.create(options)));
  });

  it('of a passkey whose counter does not grow are refused, as of a copy', async () => {
    const passkey = createSoftwareAuthenticator(TEST_ISSUER);
    await addPasskey(passkey);
    const [earlier, later] = [passkey.get(await request('a')), passkey.get(await request('b'))];
    const verified = await verify(later, 'b');
    assert.ok(verified.kind === 'verified' && verified.amr[0] === 'hwk');
    assert.equal((await verify(earlier, 'a')).kind, 'wrong');
    assert.equal((await verify(passkey.get(await request('c')), 'c')).kind, 'verified');
  });

  it('of a passkey count for the expected person and credential only', async () => {
    const passkey = createSoftwareAuthenticator(TEST_ISSUER);
    await addPasskey(passkey);
    const attempt = async (interaction: string, more: object): Promise<string> =>
      (await verify(passkey.get(await request(interaction)), interaction, more)).kind;
    assert.equal(await attempt('a', { personId: 'teacher' }), 'wrong');
    const credentialVersion = await versionNow();
    await changePassword();
    assert.equal(await attempt('b', { personId: PERSON, credentialVersion }), 'expired');
    assert.equal(await attempt('c', { personId: PERSON, credentialVersion: await versionNow() }), 'verified');
    await services.people.setStatus(PERSON, 'disabled', undefined);
    assert.equal(await attempt('d', {}), 'expired');
  });

  it('of a passkey name the known ones, and a correct one resets wrong codes', async () => {
    const passkey = createSoftwareAuthenticator(TEST_ISSUER);
    await addPasskey(passkey);
    assert.ok((await factors.passkeys.request('i', PERSON)).includes(passkey.credentialId));
    assert.ok(!(await request('i')).includes(passkey.credentialId));
    const owner = { personId: PERSON, login: 'f', name: 'F', serviceName: 'Kinpass' };
    const { options } = await factors.startPasskey(owner);
    assert.match(options, new RegExp(`"excludeCredentials":\\[\\{"id":"${passkey.credentialId}"`));
    const { setup } = await confirmedTotp();
    assert.equal((await add(setup)).kind, 'added');
    const code = { personId: PERSON, credentialVersion: undefined, method: 'totp', code: '000000' } as const;
    await factors.verifyCode({ ...code, address: ADDRESS, clientId: 'app' });
    assert.equal(await failures(), 1);
    assert.equal((await verify(passkey.get(await request('i')), 'i')).kind, 'verified');
    assert.equal(await failures(), 0);
  });

  it('are added by the setup of the person, within an hour, once, and with a notice', async () => {
    const { setup } = await confirmedTotp();
    assert.equal((await add(setup, { personId: 'teacher' })).kind, 'expired');
    assert.equal((await add(factors.startTotp(PERSON).setup)).kind, 'expired', 'no code was entered');
    services.advance(HOUR_MS);
    assert.equal((await add(setup)).kind, 'expired');
    const { setup: next } = await confirmedTotp();
    services.advance(HOUR_MS - 1);
    assert.equal((await add(next)).kind, 'added');
    assert.equal(await factors.isAdded(PERSON, next), true);
    assert.equal((await mails()).length, 1);
    assert.equal((await add(next)).kind, 'already_added');
    assert.equal((await factors.list(PERSON)).factors.length, 1);
  });

  it('are not added after a change of the credential, by a disabled person, or beyond the limit', async () => {
    const { setup } = await confirmedTotp();
    const credentialVersion = await versionNow();
    await changePassword();
    assert.equal((await add(setup, { credentialVersion })).kind, 'expired');
    await services.people.setStatus(PERSON, 'disabled', undefined);
    assert.equal((await add(setup)).kind, 'expired');
    await services.people.setStatus(PERSON, 'active', undefined);
    assert.equal((await add(setup, { credentialVersion: await versionNow(), isFirst: true })).kind, 'added');
    const { setup: second } = await confirmedTotp();
    assert.equal((await add(second, { isFirst: true })).kind, 'expired', 'the person has one');
    for (let count = 1; count < MAX_SECOND_FACTORS; count += 1) {
      assert.equal((await add((await confirmedTotp()).setup)).kind, 'added');
    }
    assert.equal((await add(second)).kind, 'too_many');
  });

  it('are not changed by a session that has ended or expired, or is of another person', async () => {
    const { setup } = await confirmedTotp();
    const own = { personId: PERSON, sessionHash: 'own' };
    await storeSession(services, own);
    await storeSession(services, { ...own, sessionHash: 'ended' });
    await storeSession(services, { ...own, sessionHash: 'expired', expiresAt: services.clock.now() });
    await storeSession(services, { personId: 'teacher', sessionHash: 'other' });
    assert.equal(await services.access.revokeSession(PERSON, 'ended', ADDRESS), true);
    const without = ['ended', 'expired', 'other', 'unknown'];
    for (const sessionHash of without) assert.equal((await add(setup, { sessionHash })).kind, 'expired', sessionHash);
    assert.equal((await add(setup, { sessionHash: 'own' })).kind, 'added');
    const before = await factors.list(PERSON);
    const id = before.factors[0]?.id ?? '';
    for (const sessionHash of without) {
      const change = { personId: PERSON, address: ADDRESS, sessionHash };
      assert.equal(await factors.replaceRecoveryCodes(change), undefined, sessionHash);
      assert.equal(await factors.remove({ ...change, id }), false, sessionHash);
    }
    assert.deepEqual(await factors.list(PERSON), before);
  });

  it('verify a code of the expected credential of an active person, and mail a used code', async () => {
    const { secret, setup } = await confirmedTotp();
    await add(setup);
    const [code = ''] = (await replaceCodes()) ?? [];
    await mails();
    services.advance(HOUR_MS);
    const verifyCode = async (more: object): Promise<string> => {
      const typed = { method: 'totp', code: totpCode(secret, services.clock.now()) } as const;
      const attempt = { personId: PERSON, credentialVersion: undefined, address: ADDRESS, clientId: 'app' };
      return (await factors.verifyCode({ ...attempt, ...typed, ...more })).kind;
    };
    const credentialVersion = await versionNow();
    await changePassword();
    assert.equal(await verifyCode({ credentialVersion }), 'expired');
    await services.people.setStatus(PERSON, 'disabled', undefined);
    assert.equal(await verifyCode({}), 'expired');
    await services.people.setStatus(PERSON, 'active', undefined);
    assert.equal(await verifyCode({ personId: 'teacher' }), 'wrong');
    assert.equal(await verifyCode({ code: '000000' }), 'wrong');
    assert.equal(await verifyCode({ credentialVersion: await versionNow() }), 'verified');
    assert.equal(await failures(), 0, 'a correct code resets the wrong ones');
    assert.equal(await verifyCode({}), 'used');
    assert.deepEqual(await mails(), []);
    assert.equal(await verifyCode({ method: 'recovery_code', code }), 'verified');
    assert.deepEqual(await mails(), ['second-factor-changed']);
    assert.equal(await verifyCode({ method: 'recovery_code', code }), 'wrong');
    const { detail } = (await services.newEntries()).at(-1) ?? {};
    assert.deepEqual(detail, { second_factor: 'recovery_code', reason: 'wrong' });
  });

  it('take the recovery codes with the last one, and codes are replaced while there is one', async () => {
    assert.equal(await replaceCodes(), undefined);
    for (let count = 0; count < 2; count += 1) await add((await confirmedTotp()).setup);
    const codes = await replaceCodes();
    assert.equal(codes?.length, 10);
    await mails();
    const remove = async (personId = PERSON): Promise<boolean> => {
      const [factor] = (await factors.list(PERSON)).factors;
      return factors.remove({ ...(await inSession(personId)), id: factor?.id ?? '' });
    };
    assert.equal(await remove('teacher'), false);
    assert.equal(await remove(), true);
    assert.equal((await factors.list(PERSON)).recoveryCodes, 10);
    assert.equal(await remove(), true);
    assert.deepEqual(await factors.list(PERSON), { factors: [], recoveryCodes: 0 });
    assert.equal((await mails()).length, 2);
    assert.equal(await factors.has(PERSON), false);
  });
});
