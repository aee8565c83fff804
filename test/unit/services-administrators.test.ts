import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createAdministrators, type Administrators } from '../../src/services/people/administrators.ts';
import { family } from '../contract/family.ts';
import { createTestServices, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
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

  it('give a link that works for exactly 24 hours', async () => {
    const token = await invite('ling@city.test');
    services.advance(24 * HOUR_MS - 1);
    assert.equal((await services.passwordReset.find(token))?.isSetup, true);
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
    const person = await on.store.read(async (tx) => {
      const rows = await tx.db.select().from(tx.tables.identifiers);
      return rows.find(({ value }) => value === 'off@city.test')?.personId ?? '';
    });
    await services.people.setStatus(person, 'disabled', undefined);
    assert.deepEqual(await administrators.invite({ email: 'off@city.test', name: 'x' }), { kind: 'taken' });
  });
});
