/** Unlocking, current credentials, primary logins, and the access that a revocation keeps. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { insertConsents } from '../../src/store/oidc/consents.ts';
import { findGuardianship } from '../../src/store/people/guardianships.ts';
import { insertIdentifier, findPerson } from '../../src/store/people/people.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { grantEntries, listActive, storeGrant, storeSession } from '../helpers/stored-sessions.ts';

const ADDRESS = '203.0.113.7';

eachStore('account', (on) => {
  let services: TestServices;

  withFamily(on);
  before(() => {
    services = createTestServices(on.store, [testClient('app')]);
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      const { sessions, grants, oidcRecords, outbox, consents, throttles } = tx.tables;
      for (const table of [sessions, grants, oidcRecords, outbox, consents, throttles]) await tx.db.delete(table);
    });
    const app = { personId: 'father', clientId: 'app', sessionHash: 's' };
    await storeSession(services, { sessionHash: 's', personId: 'father', sids: { app: 'sid' } });
    await storeGrant(services, { ...app, grantHash: 'offline', scopes: 'openid offline_access' });
    await services.newEntries();
    services.wakes();
  });

  it('keeps offline access when one session is revoked, and wakes the outbox', async () => {
    assert.equal(await services.access.revokeSession('father', 's', ADDRESS), true);
    assert.deepEqual(await listActive(services), grantEntries('offline').sort());
    await storeSession(services, { sessionHash: 's2', personId: 'father', sids: { app: 'sid-2' } });
    await storeGrant(services, {
      ...{ personId: 'father', clientId: 'app', sessionHash: 's2' },
      ...{ grantHash: 'offline2', scopes: 'openid offline_access' },
    });
    services.wakes();
    await services.access.logOut('father', 's2', ADDRESS);
    assert.equal(services.wakes(), 1);
    assert.deepEqual(await listActive(services), grantEntries('offline', 'offline2').sort());
    assert.deepEqual(await services.access.logOut('father', 'unknown', ADDRESS), []);
  });

  it('wakes the outbox when the other sessions are revoked', async () => {
    await storeSession(services, { sessionHash: 's2', personId: 'father', sids: { app: 'sid-2' } });
    await services.access.revokeOtherSessions('father', 's', ADDRESS);
    assert.equal(services.wakes(), 1);
  });

  it('lists an app with only a consent, and revokes it', async () => {
    await on.store.write((tx) => insertConsents(tx, 'father', 'other', ['openid'], TEST_NOW));
    const apps = await services.access.listApps('father');
    assert.deepEqual(
      apps.find(({ clientId }) => clientId === 'other'),
      { clientId: 'other', since: TEST_NOW, scopes: ['openid'] },
    );
    assert.equal(await services.access.revokeApp('father', 'other', ADDRESS), true);
    assert.equal(await services.access.revokeApp('father', 'other', ADDRESS), false);
  });

  it('has a current credential only while it is active', async () => {
    const version = (await on.store.read((tx) => findPerson(tx, 'teacher')))?.credentialVersion ?? 0;
    const isCurrent = (personId: string, of: number): Promise<boolean> =>
      services.people.isCredentialCurrent(personId, of);
    assert.equal(await isCurrent('teacher', version), true);
    assert.equal(await isCurrent('teacher', version + 1), false);
    assert.equal(await isCurrent('unknown', version), false);
    await services.people.setStatus('teacher', 'disabled', undefined);
    const disabled = (await on.store.read((tx) => findPerson(tx, 'teacher')))?.credentialVersion ?? 0;
    assert.equal(await isCurrent('teacher', disabled), false);
    await services.people.setStatus('teacher', 'active', undefined);
  });

  it('is unlocked by the IT desk and by enabling it', async () => {
    const login = { kind: 'email', value: 'daming@parents.example' } as const;
    const attempt = async (): Promise<string> =>
      (await services.passwordVerifier.verify({ personId: 'father', login, password: 'wrong', address: ADDRESS })).kind;
    const waits = async (): Promise<void> => {
      for (let time = 0; time < 6; time += 1) await attempt();
      assert.equal(await attempt(), 'throttled');
    };
    await waits();
    await services.newEntries();
    await services.people.unlock('father');
    const entries = (await services.newEntries()).map(({ event, outcome, subjectId }) => [event, outcome, subjectId]);
    assert.deepEqual(entries.at(-1), ['person.unlocked', 'ok', 'father']);
    assert.equal(await attempt(), 'wrong');
    await waits();
    await services.people.setStatus('father', 'active', undefined);
    assert.equal(await attempt(), 'wrong');
  });

  it('shows the email address as login, also if another identifier is older', async () => {
    const identifier = { personId: 'older', createdAt: 1 } as const;
    await on.store.write(async (tx) => {
      await insertIdentifier(tx, { ...identifier, id: 'a', kind: 'account', value: 'an.wang' });
      await insertIdentifier(tx, { ...identifier, id: 'b', kind: 'email', value: 'zoe@parents.example', createdAt: 2 });
    });
    assert.equal(await services.people.getPrimaryLogin('older'), 'zoe@parents.example');
    assert.equal(await services.people.getPrimaryLogin('unknown'), '');
  });

  it('seals the reason of a guardianship', async () => {
    const change = { id: 'g1', action: 'suspend', reason: 'court order 12', actorId: 'teacher' } as const;
    assert.equal(await services.guardianships.applyAction(change), true);
    const row = await on.store.read((tx) => findGuardianship(tx, 'g1'));
    const sealed = row?.stateReasonSealed ?? '';
    assert.doesNotMatch(JSON.stringify(row), /court/);
    assert.equal(services.secrets.open('state-reason', 'g1', sealed), 'court order 12');
    assert.equal(await services.guardianships.applyAction({ ...change, id: 'unknown' }), false);
  });
});
