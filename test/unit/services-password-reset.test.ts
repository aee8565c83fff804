/** Reset links and password changes, without pages. */
import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { MINUTE_MS } from '../../src/domain/duration.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { LINK_MINUTES } from '../../src/services/authentication/password-reset.ts';
import { firstPasswordMac } from '../../src/services/authentication/password-verification.ts';
import { getCredential, upsertFirstPassword, upsertPassword } from '../../src/store/auth/credentials.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { family } from '../contract/family.ts';
import { createTestServices, readableHash, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import {
  grantEntries,
  listActive,
  sessionEntries,
  storeGrant,
  storeInteraction,
  storeSession,
} from '../helpers/stored-sessions.ts';

const ADDRESS = '203.0.113.7';
const EMAIL = 'daming@parents.example';
const OLD = 'four small boats at anchor';
const NEW = 'ivory lamp in the quiet hall';

eachStore('passwords', (on) => {
  let services: TestServices;
  const hashOf = async (personId: string): Promise<string | undefined> =>
    (await on.store.read((tx) => getCredential(tx, personId))).hash;
  const events = async (): Promise<string[]> =>
    (await services.newEntries()).map(({ event, outcome, subjectId }) => `${event} ${outcome} ${subjectId ?? '-'}`);
  const mails = async (): Promise<{ to: string; template: string; lang: string; locals: Record<string, unknown> }[]> =>
    (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job] : []));

  before(() => on.store.write(family));
  beforeEach(async () => {
    services = createTestServices(on.store);
    await on.store.write(async (tx) => {
      const { sessions, grants, oidcRecords, outbox, throttles, resetLinks } = tx.tables;
      for (const table of [sessions, grants, oidcRecords, outbox, throttles, resetLinks]) await tx.db.delete(table);
      await tx.db.update(tx.tables.identifiers).set({ verifiedAt: 1 });
      await tx.db.update(tx.tables.persons).set({ nationalIdSealed: null });
      await upsertPassword(tx, 'father', readableHash(OLD), 1);
    });
    await storeSession(services, { sessionHash: 'mine', personId: 'father' });
    await storeSession(services, { sessionHash: 'attacker', personId: 'father' });
    await storeInteraction(services, 'waiting', 'father');
    const app = { personId: 'father', clientId: 'app' };
    await storeGrant(services, { ...app, grantHash: 'kept', sessionHash: 'mine' });
    await storeGrant(services, { ...app, grantHash: 'offline', sessionHash: 'mine', scopes: 'openid offline_access' });
    await services.newEntries();
  });

  describe('reset link', () => {
    const requestToken = async (): Promise<string> => {
      await services.passwordReset.request(EMAIL, ADDRESS);
      const [mail] = await mails();
      return new URL(String(mail?.locals['link'])).searchParams.get('token') ?? '';
    };

    it('is mailed to the verified address of an active person', async () => {
      await services.passwordReset.request(' DAMING@parents.example', ADDRESS);
      assert.equal(services.wakes(), 1);
      const [mail, ...others] = await mails();
      assert.deepEqual(others, []);
      assert.deepEqual([mail?.to, mail?.template, mail?.lang], [EMAIL, 'reset-link', 'zh-TW']);
      assert.equal(mail?.locals['name'], '王大明');
      assert.equal(mail.locals['minutes'], 30);
      const link = new URL(String(mail.locals['link']));
      assert.equal(link.origin + link.pathname, `${TEST_ISSUER}/reset-password`);
      assert.match(link.searchParams.get('token') ?? '', /^[\w-]{43}$/);
      assert.deepEqual(await events(), ['password_reset.requested ok father']);
    });

    it('is not mailed to an unknown, disabled or unverified account', async () => {
      await services.passwordReset.request('unknown@parents.example', ADDRESS);
      await services.passwordReset.request('not a login at all', ADDRESS);
      assert.deepEqual(await events(), ['password_reset.requested refused -', 'password_reset.requested refused -']);
      await on.store.write((tx) => tx.db.update(tx.tables.identifiers).set({ verifiedAt: null }));
      await services.passwordReset.request(EMAIL, ADDRESS);
      assert.deepEqual(await events(), ['password_reset.requested refused father']);
      await on.store.write((tx) => tx.db.update(tx.tables.identifiers).set({ verifiedAt: 1 }));
      await services.people.setStatus('father', 'disabled', undefined);
      services.wakes();
      await services.takeJobs();
      await services.passwordReset.request(EMAIL, ADDRESS);
      assert.deepEqual([await mails(), services.wakes()], [[], 0]);
      await services.people.setStatus('father', 'active', undefined);
    });

    const isOpen = async (token: string): Promise<boolean> => (await services.passwordReset.find(token)) !== undefined;

    it('says whether it sets the first own password of the account', async () => {
      const purposeAfter = async (change: (tx: Transaction) => Promise<unknown>): Promise<string | undefined> => {
        await on.store.write(change);
        return (await services.passwordReset.find(await requestToken()))?.purpose;
      };
      const first = { personId: 'father', mac: 'mac', expiresAt: Number.MAX_SAFE_INTEGER, createdAt: 1 };
      assert.equal(await purposeAfter(() => Promise.resolve()), 'reset');
      assert.equal(await purposeAfter((tx) => upsertFirstPassword(tx, { ...first, kind: 'first' })), 'activation');
      assert.equal(await purposeAfter((tx) => upsertFirstPassword(tx, { ...first, kind: 'one_time_code' })), 'reset');
    });

    it('sets the password once and revokes all access', async () => {
      const token = await requestToken();
      assert.equal(await isOpen(token), true);
      assert.equal(await isOpen(`${token}x`), false);
      await services.newEntries();
      services.wakes();
      assert.deepEqual(await services.passwordReset.complete(token, NEW, ADDRESS), {
        kind: 'changed',
        personId: 'father',
        credentialVersion: 9,
        hasSecondFactor: false,
      });
      assert.equal(services.wakes(), 1);
      assert.equal(await hashOf('father'), readableHash(NEW));
      assert.deepEqual(await listActive(services), []);
      assert.deepEqual(await events(), ['password.reset ok father']);
      assert.deepEqual(
        (await mails()).map(({ to, template }) => [to, template]),
        [[EMAIL, 'password-changed']],
      );
      assert.equal(await isOpen(token), false);
      assert.deepEqual(await services.passwordReset.complete(token, `${NEW} again`, ADDRESS), { kind: 'expired' });
      assert.equal(await hashOf('father'), readableHash(NEW));
      assert.equal(services.wakes(), 0);
    });

    it('is valid for thirty minutes', async () => {
      assert.equal(LINK_MINUTES, 30);
      const token = await requestToken();
      services.advance(30 * MINUTE_MS - 1);
      assert.equal(await isOpen(token), true);
      services.advance(1);
      assert.equal(await isOpen(token), false);
      assert.deepEqual(await services.passwordReset.complete(token, NEW, ADDRESS), { kind: 'expired' });
      assert.equal(await hashOf('father'), readableHash(OLD));
    });

    it('is replaced by the next one', async () => {
      const [first, second] = [await requestToken(), await requestToken()];
      assert.equal(await isOpen(first), false);
      assert.equal(await isOpen(second), true);
    });

    it('stays valid when the new password is rejected', async () => {
      const token = await requestToken();
      assert.deepEqual(await services.passwordReset.complete(token, 'ivory-lamp-', ADDRESS), {
        kind: 'invalid',
        personId: 'father',
        problems: ['too_short'],
      });
      assert.equal(await isOpen(token), true);
      assert.equal(await hashOf('father'), readableHash(OLD));
    });

    it('is invalid while the account is disabled', async () => {
      const token = await requestToken();
      await services.people.setStatus('father', 'disabled', undefined);
      assert.equal(await isOpen(token), false);
      assert.deepEqual(await services.passwordReset.complete(token, NEW, ADDRESS), { kind: 'expired' });
      await services.people.setStatus('father', 'active', undefined);
    });

    it('is mailed three times, then once per half hour', async () => {
      const mailed: number[] = [];
      for (let time = 0; time < 4; time += 1) {
        await services.passwordReset.request(EMAIL, `198.51.100.${String(time)}`);
        mailed.push((await mails()).length);
      }
      assert.deepEqual(mailed, [1, 1, 1, 0]);
      services.advance(30 * MINUTE_MS);
      await services.passwordReset.request(EMAIL, ADDRESS);
      assert.equal((await mails()).length, 1);
    });

    it('is refused to an address after sixty requests, and allowed once a minute later', async () => {
      for (let time = 0; time < 60; time += 1) await services.passwordReset.request(`unknown${String(time)}`, ADDRESS);
      await services.passwordReset.request(EMAIL, ADDRESS);
      assert.deepEqual(await mails(), []);
      await services.passwordReset.request(EMAIL, '198.51.100.200');
      assert.equal((await mails()).length, 1, 'another network');
      services.advance(MINUTE_MS);
      await services.passwordReset.request(EMAIL, ADDRESS);
      assert.equal((await mails()).length, 1);
    });
  });

  describe('password change', () => {
    const change = (current: string, next: string): ReturnType<TestServices['passwords']['change']> =>
      services.passwords.change({
        personId: 'father',
        current,
        next,
        keepSessionHash: 'mine',
        formId: 'mine',
        address: ADDRESS,
      });

    it('keeps its session under a new id, and revokes all other access', async () => {
      services.wakes();
      const result = await change(OLD, NEW);
      assert.ok(result.kind === 'changed' && result.kept !== undefined);
      assert.equal(await services.people.isCredentialCurrent('father', result.credentialVersion), true);
      assert.equal(services.wakes(), 1);
      assert.equal(await hashOf('father'), readableHash(NEW));
      const left = await listActive(services);
      const kept = [`Session ${hashId(result.kept.id)}`, ...grantEntries('kept')];
      for (const entry of kept) assert.ok(left.includes(entry), entry);
      for (const entry of [...sessionEntries('attacker', 'mine'), ...grantEntries('offline'), 'Interaction waiting']) {
        assert.ok(!left.includes(entry), entry);
      }
      assert.deepEqual(await events(), ['password.changed ok father']);
      const [mail, ...others] = await mails();
      assert.deepEqual(others, [], 'one notice for the one email address');
      assert.deepEqual([mail?.to, mail?.template, mail?.lang], [EMAIL, 'password-changed', 'zh-TW']);
      assert.deepEqual(mail?.locals, {
        name: '王大明',
        changedAt: services.clock.now(),
        link: `${TEST_ISSUER}/forgot-password`,
      });
    });

    it('changes nothing when the current password is wrong or the new one invalid', async () => {
      const before = await listActive(services);
      assert.deepEqual(await change('another password', NEW), { kind: 'wrong_current' });
      assert.deepEqual(await change(OLD, 'ivory-lamp-'), { kind: 'invalid', problems: ['too_short'] });
      assert.deepEqual(await change(OLD, OLD), { kind: 'invalid', problems: ['same_as_current'] });
      assert.deepEqual(await change(OLD, `${NEW} 王大明`), { kind: 'invalid', problems: ['contains_name'] });
      assert.equal(await hashOf('father'), readableHash(OLD));
      assert.deepEqual(await listActive(services), before);
      assert.deepEqual(await events(), []);
      assert.deepEqual(await mails(), []);
    });

    it('is recorded as password.set when it replaces a first password', async () => {
      await on.store.write((tx) =>
        upsertFirstPassword(tx, {
          kind: 'first',
          personId: 'father',
          mac: firstPasswordMac(services.secrets, 'father', '100201'),
          expiresAt: services.clock.now() + MINUTE_MS,
          createdAt: services.clock.now(),
        }),
      );
      assert.equal(await services.passwords.hasOwnPassword('father'), false);
      assert.deepEqual(await change('100201', 'ivory lamp 100201 hall'), {
        kind: 'invalid',
        problems: ['contains_id'],
      });
      assert.equal((await change('100201', NEW)).kind, 'changed');
      assert.equal(await services.passwords.hasOwnPassword('father'), true);
      assert.equal(await services.passwords.hasOwnPassword('older'), false);
      assert.deepEqual(await events(), ['password.set ok father']);
    });

    it('checks against the sealed national ID', async () => {
      const nationalIdSealed = services.secrets.seal('national-id', 'older', 'Y100100201');
      await on.store.write((tx) => tx.db.update(tx.tables.persons).set({ nationalIdSealed }).where(undefined));
      assert.deepEqual(await services.passwords.validate('older', 'ivory lamp y10010 hall', undefined), [
        'contains_id',
      ]);
      assert.deepEqual(await services.passwords.validate('older', NEW, undefined), []);
      assert.deepEqual(await services.passwords.validate('older', NEW, NEW), ['same_as_current']);
    });

    it('rejects common passwords and those below the configured length', async () => {
      assert.deepEqual(await services.passwords.validate('older', 'Password123456789', undefined), ['common']);
      assert.deepEqual(await services.passwords.validate('older', 'ivory-lamp-', undefined), ['too_short']);
      assert.deepEqual(await services.passwords.validate('older', 'ivory-lamp-7', undefined), []);
    });

    it('checks the common passwords in NFKC and lower case, after the other rules', async () => {
      for (const password of ['PASSWORD1234', 'ｐａｓｓｗｏｒｄ１２３４']) {
        assert.deepEqual(await services.passwords.validate('older', password, undefined), ['common'], password);
      }
      assert.deepEqual(await services.passwords.validate('older', 'password', undefined), ['too_short']);
    });
  });
});
