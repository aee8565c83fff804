/** A person's own changes of email address, mobile number and account name. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { MINUTE_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createContacts, type Contacts } from '../../src/services/people/contacts.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { findPerson, insertIdentifier, listIdentifiers } from '../../src/store/people/people.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { storeSession } from '../helpers/stored-sessions.ts';
import { eachStore } from '../helpers/store.ts';

const ADDRESS = '192.0.2.1';
const OLD = 'daming@parents.example';
const NEW = 'new@parents.example';

eachStore('own contacts', (on) => {
  let services: TestServices;
  let contacts: Contacts;
  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    contacts = createContacts({ ...services, random: systemRandom, issuer: TEST_ISSUER });
    return on.store.write((tx) => tx.db.update(tx.tables.identifiers).set({ verifiedAt: 1 }));
  });
  let round = 0;
  const sessionOf = (personId: string): { personId: string; sessionHash: string } => ({
    personId,
    sessionHash: `${personId} ${String(round)}`,
  });
  beforeEach(async () => {
    services.advance(10 * 60 * MINUTE_MS);
    round += 1;
    const expiresAt = services.clock.now() + 10 * 60 * MINUTE_MS;
    for (const personId of ['father', 'teacher', 'older'])
      await storeSession(services, { ...sessionOf(personId), expiresAt });
    await services.takeJobs();
    await services.newEntries();
  });

  const change = (value: string, personId = 'father') => ({
    ...sessionOf(personId),
    ...{ value, address: ADDRESS, lang: 'zh-TW' },
  });
  /** Requests an address. @returns the token in the mail to it */
  const requestToken = async (value: string, personId = 'father'): Promise<string> => {
    assert.deepEqual(await contacts.requestEmail(change(value, personId)), { kind: 'sent' });
    const [job] = await services.takeJobs();
    assert.ok(job?.kind === 'mail' && job.to === value);
    return /token=([\w-]+)/.exec(JSON.stringify(job.locals))?.[1] ?? '';
  };
  const confirm = (token: string, personId = 'father') =>
    contacts.confirmEmail({ ...sessionOf(personId), token, address: ADDRESS });
  const loginsOf = async (personId = 'father'): Promise<string[]> =>
    (await on.store.read((tx) => listIdentifiers(tx, personId))).map(({ value }) => value).sort();
  const mails = async (): Promise<string[]> =>
    (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [`${job.template} ${job.to}`] : []));
  const links = async (): Promise<number> =>
    (await on.store.read((tx) => tx.db.select().from(tx.tables.resetLinks))).length;

  it('become a login by the token of the person, once, within 30 minutes', async () => {
    const token = await requestToken(NEW);
    assert.equal(await contacts.findEmail('father', token), NEW);
    assert.equal(await contacts.findEmail('father', 'other'), undefined);
    assert.equal(await contacts.findEmail('teacher', token), undefined);
    assert.equal(await confirm('other'), 'expired');
    assert.equal(await confirm(token, 'teacher'), 'expired');
    services.advance(30 * MINUTE_MS);
    assert.equal(await confirm(token), 'expired');
    assert.ok(!(await loginsOf()).includes(NEW));
    const next = await requestToken(NEW);
    assert.equal(await confirm(token), 'expired', 'the link of the earlier request');
    services.advance(30 * MINUTE_MS - 1);
    const { credentialVersion = 0 } = (await on.store.read((tx) => findPerson(tx, 'father'))) ?? {};
    const now = services.clock.now();
    const link = { personId: 'father', tokenHash: 'h', expiresAt: now + MINUTE_MS, createdAt: now };
    await on.store.write((tx) => upsertResetLink(tx, link));
    assert.equal(await confirm(next), 'changed');
    assert.deepEqual(await loginsOf(), ['+886900000101', NEW]);
    assert.deepEqual(await mails(), [`login-changed ${OLD}`]);
    assert.equal(await links(), 0, 'a reset link to the old address');
    const after = await on.store.read((tx) => findPerson(tx, 'father'));
    assert.equal(after?.credentialVersion, credentialVersion + 1, 'sign-ins in progress end');
    assert.equal(await confirm(next), 'expired');
    assert.deepEqual(await contacts.requestEmail(change(NEW)), { kind: 'unchanged' });
    const [entry] = (await services.newEntries()).filter(({ event }) => event === 'identifier.changed');
    assert.deepEqual([entry?.actorId, entry?.subjectId, entry?.detail], ['father', 'father', { kind: 'email' }]);
  });

  it('of a disabled person stay as they are', async () => {
    const token = await requestToken(OLD);
    await services.people.setStatus('father', 'disabled', undefined);
    assert.equal(await confirm(token), 'expired');
    await services.people.setStatus('father', 'active', undefined);
    assert.ok(!(await loginsOf()).includes(OLD));
  });

  it('of another person are not taken over', async () => {
    assert.deepEqual(await contacts.requestEmail(change(NEW, 'teacher')), { kind: 'sent' });
    const [job] = await services.takeJobs();
    assert.ok(job?.kind === 'mail' && job.template === 'email-in-use' && !JSON.stringify(job).includes('token='));
    const token = await requestToken('both@parents.example', 'teacher');
    assert.equal(await confirm(await requestToken('both@parents.example')), 'changed');
    assert.equal(await confirm(token, 'teacher'), 'taken');
    assert.deepEqual(await contacts.requestMobile(change('+886900000101', 'teacher')), { kind: 'changed' });
    assert.deepEqual(await loginsOf('teacher'), []);
    assert.ok((await loginsOf()).includes('+886900000101'));
    assert.deepEqual(await contacts.requestMobile(change('+886900000101')), { kind: 'unchanged' });
    assert.deepEqual(await contacts.changeAccountName(change('daming')), { kind: 'changed' });
    assert.deepEqual(await contacts.changeAccountName(change('daming')), { kind: 'unchanged' });
    const taken = await contacts.changeAccountName(change('daming', 'teacher'));
    assert.equal(taken.kind, 'taken');
    assert.deepEqual(await loginsOf('teacher'), []);
  });

  it('are changed five times at once, then every half hour', async () => {
    const limited = { kind: 'limited', until: services.clock.now() + 30 * MINUTE_MS };
    for (let at = 0; at < 5; at += 1) {
      const mobile = change(`+88691100000${String(at)}`);
      assert.deepEqual(await contacts.requestMobile(mobile), { kind: 'changed' });
    }
    const before = await loginsOf();
    assert.deepEqual(await contacts.requestMobile(change('+886911000009')), limited);
    assert.deepEqual(await contacts.requestEmail(change('limited@parents.example')), limited);
    assert.deepEqual(await loginsOf(), before);
    services.advance(30 * MINUTE_MS);
    assert.deepEqual(await contacts.requestMobile(change('+886911000009')), { kind: 'changed' });
  });

  it('send a person at most three mails to one new address, with the same answer', async () => {
    for (let at = 0; at < 3; at += 1) await requestToken('victim@parents.example', 'father');
    assert.deepEqual(await contacts.requestEmail(change('victim@parents.example', 'father')), { kind: 'sent' });
    assert.deepEqual(await mails(), []);
    assert.notEqual(await requestToken('victim@parents.example', 'older'), '', 'another person gets a link');
    services.advance(30 * MINUTE_MS);
    assert.notEqual(await requestToken('victim@parents.example', 'father'), '');
  });

  it('leave one login when two are removed at once', async () => {
    const remove = (kind: 'mobile' | 'account') =>
      contacts.removeLogin({ ...sessionOf('older'), kind, address: ADDRESS });
    const mobile = { id: 'm1', personId: 'older', kind: 'mobile', value: '+886922000001', createdAt: 1 } as const;
    await on.store.write((tx) => insertIdentifier(tx, mobile));
    assert.deepEqual(await contacts.changeAccountName(change('older.child', 'older')), { kind: 'changed' });
    const results = await Promise.all([remove('mobile'), remove('account')]);
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ['only_login', 'removed']);
    assert.equal((await loginsOf('older')).length, 1);
  });

  it('are removed five times at once, then every half hour', async () => {
    const remove = () => contacts.removeLogin({ ...sessionOf('father'), kind: 'account', address: ADDRESS });
    for (let at = 0; at < 5; at += 1) {
      await contacts.changeAccountName(change('daming'));
      assert.deepEqual(await remove(), { kind: 'removed' });
    }
    await contacts.changeAccountName(change('daming'));
    assert.deepEqual(await remove(), { kind: 'limited', until: services.clock.now() + 30 * MINUTE_MS });
    assert.ok((await loginsOf()).includes('daming'));
  });

  it('let a person try twenty account names at once, then one every five minutes', async () => {
    const attempt = () => contacts.changeAccountName(change('daming', 'teacher'));
    for (let at = 0; at < 20; at += 1) assert.equal((await attempt()).kind, 'taken');
    assert.deepEqual(await attempt(), { kind: 'limited', until: services.clock.now() + 5 * MINUTE_MS });
    services.advance(5 * MINUTE_MS);
    assert.equal((await attempt()).kind, 'taken');
  });
});
