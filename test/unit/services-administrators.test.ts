import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createAdministrators, type Administrators } from '../../src/services/people/administrators.ts';
import { upsertPassword } from '../../src/store/auth/credentials.ts';
import { ConflictError } from '../../src/store/database/index.ts';
import { findPersonIdByIdentifier, insertIdentifier } from '../../src/store/people/people.ts';
import { family } from '../contract/family.ts';
import { createTestServices, TEST_ISSUER, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const NEW_PASSWORD = 'ivory lamp in the quiet hall';
const ADDRESS = '203.0.113.7';

eachStore('invitations of administrators', (on) => {
  let services: TestServices;
  let administrators: Administrators;
  before(() => on.store.write(family));
  beforeEach(() => {
    services = createTestServices(on.store);
    administrators = createAdministrators({
      ...services,
      random: systemRandom,
      issuer: TEST_ISSUER,
    });
  });

  const invite = async (email: string): Promise<string> => {
    const result = await administrators.invite({ email, name: '王小玲' });
    assert.equal(result.kind, 'invited');
    return new URL(result.link).searchParams.get('token') ?? '';
  };
  const findOwner = async (email: string): Promise<string> => {
    const personId = await on.store.read((tx) => findPersonIdByIdentifier(tx, 'email', email));
    assert.ok(personId);
    return personId;
  };

  it('give a link that works for exactly 24 hours', async () => {
    const token = await invite('ling@city.test');
    services.advance(24 * HOUR_MS - 1);
    assert.equal((await services.passwordReset.find(token))?.purpose, 'setup');
    services.advance(1);
    assert.equal(await services.passwordReset.find(token), undefined);
    assert.equal((await services.passwordReset.complete(token, NEW_PASSWORD, ADDRESS)).kind, 'expired');
  });

  it('are replaced by a repeated one, and end when the password is set', async () => {
    const [older, newer] = [await invite('wen@city.test'), await invite('wen@city.test')];
    assert.equal((await services.passwordReset.complete(older, NEW_PASSWORD, ADDRESS)).kind, 'expired');
    assert.equal((await services.passwordReset.complete(newer, NEW_PASSWORD, ADDRESS)).kind, 'changed');
    assert.deepEqual(await administrators.invite({ email: 'wen@city.test', name: '王小玲' }), { kind: 'taken' });
  });

  it('create a person with an unverified address and a role, mail the link, and are recorded', async () => {
    await on.store.write((tx) => tx.db.delete(tx.tables.outbox));
    const first = await administrators.invite({ email: 'mei@city.test', name: '王小玲' });
    assert.ok(first.kind === 'invited' && !first.isRepeated);
    const repeated = await administrators.invite({ email: 'mei@city.test', name: '王小玲' });
    assert.ok(repeated.kind === 'invited' && repeated.isRepeated);
    const personId = await findOwner('mei@city.test');
    const [persons, memberships] = await on.store.read(async (tx) => [
      await tx.db.select().from(tx.tables.persons),
      await tx.db.select().from(tx.tables.memberships),
    ]);
    const person = persons.find(({ id }) => id === personId);
    assert.deepEqual([person?.kind, person?.name, person?.status], ['person', '王小玲', 'active']);
    assert.deepEqual(
      memberships
        .filter((membership) => membership.personId === personId)
        .map(({ role, isPrimary, schoolCode, validFrom, validTo }) => [
          role,
          isPrimary,
          schoolCode,
          validFrom,
          validTo,
        ]),
      [['bureau_admin', true, null, '2026-11-23', null]],
    );
    assert.deepEqual(
      await services.takeJobs(),
      [first, repeated].map(({ link }) => ({
        ...{ kind: 'mail', to: 'mei@city.test', template: 'setup-link', lang: 'zh-TW' },
        locals: { name: '王小玲', link, hours: 24 },
      })),
    );
    const entries = (await services.newEntries()).filter(({ subjectId }) => subjectId === personId);
    assert.deepEqual(
      entries.map(({ event, outcome, detail }) => [event, outcome, detail]),
      [false, true].map((isRepeated) => [
        'administrator.invited',
        'ok',
        { capacity: 'operator', repeated: isRepeated },
      ]),
    );
  });

  it('are not repeated for a verified address of the person, or after the first password', async () => {
    await invite('first@city.test');
    const personId = await findOwner('first@city.test');
    const second = { id: 'second', personId, kind: 'email' as const, value: 'second@city.test' };
    await on.store.write((tx) => insertIdentifier(tx, { ...second, verifiedAt: TEST_NOW, createdAt: TEST_NOW }));
    assert.deepEqual(await administrators.invite({ email: 'second@city.test', name: 'x' }), { kind: 'taken' });
    await invite('first@city.test');
    await on.store.write((tx) => upsertPassword(tx, personId, 'hash', TEST_NOW));
    assert.deepEqual(await administrators.invite({ email: 'first@city.test', name: 'x' }), { kind: 'taken' });
  });

  it('report an address that a concurrent command inserted as taken, and no other error', async () => {
    const inviteWith = (error: Error): Promise<unknown> =>
      createAdministrators({
        ...{ ...services, random: systemRandom, issuer: TEST_ISSUER },
        store: { ...on.store, write: () => Promise.reject(error) },
      }).invite({ email: 'race@city.test', name: 'x' });
    assert.deepEqual(await inviteWith(new ConflictError('identifier')), { kind: 'taken' });
    await assert.rejects(inviteWith(new Error('down')), /down/);
  });

  it('are not replaced by "forgot password", because the address is not verified', async () => {
    const token = await invite('yi@city.test');
    await services.passwordReset.request('yi@city.test', ADDRESS);
    assert.notEqual(await services.passwordReset.find(token), undefined);
  });

  it('create one person when two commands run at once', async () => {
    const both = await Promise.all(['甲', '乙'].map((name) => administrators.invite({ email: 'two@city.test', name })));
    assert.ok(both.some(({ kind }) => kind === 'invited'));
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.identifiers));
    assert.equal(rows.filter(({ value }) => value === 'two@city.test').length, 1);
  });

  it('do not touch an existing account, verified or not, or one that is disabled', async () => {
    assert.deepEqual(await administrators.invite({ email: 'daming@parents.example', name: 'x' }), { kind: 'taken' });
    await invite('off@city.test');
    await services.people.setStatus(await findOwner('off@city.test'), 'disabled', undefined);
    assert.deepEqual(await administrators.invite({ email: 'off@city.test', name: 'x' }), { kind: 'taken' });
  });
});
