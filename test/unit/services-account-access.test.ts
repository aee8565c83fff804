import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertSession } from '../../src/store/auth/sessions.ts';
import { listGrantsByPerson } from '../../src/store/oidc/grants.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
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

eachStore('account access', (on) => {
  let services: TestServices;
  const alive = (): Promise<string[]> => listActive(services);
  const entries = async (): Promise<unknown[]> =>
    (await services.newEntries()).map(({ event, outcome, actorId, subjectId, clientId, address, detail }) =>
      JSON.stringify([event, outcome, actorId, subjectId, clientId, address, detail]),
    );

  withFamily(on);
  before(() => {
    services = createTestServices(on.store, [testClient('app'), testClient('other')]);
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      for (const table of [tx.tables.sessions, tx.tables.grants, tx.tables.oidcRecords, tx.tables.outbox])
        await tx.db.delete(table);
    });
    const father = { personId: 'father' };
    await storeSession(services, { ...father, sessionHash: 's1', createdAt: TEST_NOW - 2, sids: { app: 'sid-1' } });
    await storeSession(services, { ...father, sessionHash: 's2', createdAt: TEST_NOW - 1 });
    await storeSession(services, { ...father, sessionHash: 'expired', expiresAt: TEST_NOW, sids: { app: 'sid-0' } });
    await storeSession(services, { sessionHash: 't1', personId: 'teacher' });
    await storeGrant(services, { ...father, grantHash: 'g1', clientId: 'app', sessionHash: 's1' });
    services.wakes();
    await services.newEntries();
  });

  it('lists active sessions of the person, newest first', async () => {
    const sessions = await services.access.listSessions('father');
    assert.deepEqual(
      sessions.map(({ sessionHash }) => sessionHash),
      ['s2', 's1'],
    );
    assert.equal((await services.access.findSession('s1'))?.personId, 'father');
    assert.equal(await services.access.findSession('unknown'), undefined);
  });

  it('lists each app once with all scopes and the first date', async () => {
    const app = { personId: 'father', clientId: 'app', sessionHash: 's2' };
    await storeGrant(services, { ...app, grantHash: 'g2', scopes: 'openid roles', createdAt: TEST_NOW - 5 });
    await storeGrant(services, { ...app, grantHash: 'g3', clientId: 'other', scopes: 'openid children' });
    await storeGrant(services, { ...app, grantHash: 'over', clientId: 'third', expiresAt: TEST_NOW });
    await storeGrant(services, { ...app, grantHash: 'gt', clientId: 'fourth', personId: 'teacher' });
    const apps = await services.access.listApps('father');
    assert.deepEqual(
      apps.toSorted((a, b) => a.clientId.localeCompare(b.clientId)).map((one) => [one.clientId, one.since, one.scopes]),
      [
        ['app', TEST_NOW - 5, ['openid', 'roles']],
        ['other', TEST_NOW, ['openid', 'children']],
      ],
    );
  });

  it('revokes one session and records it', async () => {
    assert.equal(await services.access.revokeSession('father', 's1', ADDRESS), true);
    assert.deepEqual(await alive(), sessionEntries('s2', 'expired', 't1').sort());
    assert.deepEqual(await entries(), [
      JSON.stringify(['session.revoked', 'ok', 'father', 'father', null, ADDRESS, { sessions: 1 }]),
    ]);
    assert.equal(services.wakes(), 1);
  });

  it('refuses to revoke a session that is unknown, revoked or of another person', async () => {
    await services.access.revokeSession('father', 's2', ADDRESS);
    await services.newEntries();
    const before = await alive();
    for (const hash of ['t1', 's2', 'unknown']) {
      assert.equal(await services.access.revokeSession('father', hash, ADDRESS), false, hash);
    }
    assert.deepEqual(await alive(), before);
    assert.deepEqual(await entries(), []);
  });

  it('revokes all other sessions and sign-ins in progress', async () => {
    await storeInteraction(services, 'waiting', 'father');
    await storeInteraction(services, 'waiting-teacher', 'teacher');
    await storeSession(services, { sessionHash: 's3', personId: 'father' });
    const kept = await services.access.revokeOtherSessions('father', 's1', ADDRESS);
    const [session, ...more] = await services.access.listSessions('father');
    assert.deepEqual(more, []);
    assert.ok(session);
    assert.deepEqual(
      await alive(),
      [
        ...[`session ${session.sessionHash}`, `Session ${hashId(kept.id)}`, ...sessionEntries('t1')],
        ...grantEntries('g1'),
        'Interaction waiting-teacher',
      ].sort(),
    );
    assert.deepEqual(await entries(), [
      JSON.stringify(['session.others_revoked', 'ok', 'father', 'father', null, ADDRESS, { sessions: 3 }]),
    ]);
    await services.access.revokeOtherSessions('father', session.sessionHash, ADDRESS);
    assert.deepEqual(await entries(), [
      JSON.stringify(['session.others_revoked', 'ok', 'father', 'father', null, ADDRESS, { sessions: 0 }]),
    ]);
  });

  // A node whose clock is behind could renew it.
  for (const [name, revoke] of [
    [
      'revokes an expired session on request',
      (): Promise<unknown> => services.access.revokeSession('father', 'expired', ADDRESS),
    ],
    [
      'revokes expired sessions with the other devices',
      (): Promise<unknown> => services.access.revokeOtherSessions('father', 's1', ADDRESS),
    ],
  ] as const) {
    it(name, async () => {
      await revoke();
      const renewed = {
        userAgent: '',
        address: '',
        remember: false,
        createdAt: TEST_NOW,
        expiresAt: TEST_NOW + HOUR_MS,
      };
      const session = { ...renewed, sessionHash: 'expired', personId: 'father' };
      assert.equal(await on.store.write((tx) => upsertSession(tx, session, TEST_NOW - 1)), false);
    });
  }

  it('keeps a session and its grants under a new id', async () => {
    const before = await services.access.findSession('s1');
    const kept = await services.access.revokeOtherSessions('father', 's1', ADDRESS);
    assert.match(kept.id, /^[\w-]{43}$/);
    assert.equal(kept.expiresAt, undefined, 'the cookie ends with the browser');
    const [session, ...more] = await services.access.listSessions('father');
    assert.deepEqual(more, []);
    assert.ok(session);
    assert.deepEqual(session, { ...before, sessionHash: session.sessionHash });
    const grants = await on.store.read((tx) => listGrantsByPerson(tx, 'father'));
    assert.deepEqual(
      grants.map((grant) => grant.sessionHash),
      [session.sessionHash],
    );
  });

  it('revokes nothing for a session that has ended', async () => {
    await services.access.revokeSession('father', 's1', ADDRESS);
    const before = await alive();
    await assert.rejects(services.access.revokeOtherSessions('father', 's1', ADDRESS), { status: 410 });
    assert.deepEqual(await alive(), before);
  });

  it('logs out of a session once and returns the notices', async () => {
    await storeSession(services, { sessionHash: 's3', personId: 'father', sids: { app: 'sid-3', other: 'sid-o' } });
    const notices = await services.access.logOut('father', 's3', ADDRESS);
    assert.deepEqual(notices.map(({ clientId }) => clientId).sort(), ['app', 'other']);
    assert.deepEqual(await alive(), [...sessionEntries('s1', 's2', 'expired', 't1'), ...grantEntries('g1')].sort());
    assert.deepEqual(await entries(), [
      JSON.stringify(['session.logged_out', 'ok', 'father', 'father', null, ADDRESS, { sessions: 1 }]),
    ]);
    assert.deepEqual(await services.access.logOut('father', 's3', ADDRESS), []);
    assert.deepEqual(await entries(), []);
    await services.access.logOut('father', 's1', ADDRESS);
    assert.deepEqual(await alive(), sessionEntries('s2', 'expired', 't1').sort());
  });

  it('revokes expired sessions up to the limit, and keeps offline access', async () => {
    const expired = { personId: 'father', expiresAt: TEST_NOW - 1 };
    await storeSession(services, { ...expired, sessionHash: 'expired2', sids: { app: 'sid-2' } });
    const app = { personId: 'father', clientId: 'app', sessionHash: 'expired2' };
    await storeGrant(services, { ...app, grantHash: 'ends' });
    await storeGrant(services, { ...app, grantHash: 'stays', scopes: 'openid offline_access' });
    assert.equal(await services.access.revokeExpiredSessions(1), 1);
    assert.equal(await services.access.revokeExpiredSessions(10), 1);
    assert.equal(services.wakes(), 2);
    assert.equal(await services.access.revokeExpiredSessions(10), 0);
    assert.equal(services.wakes(), 0, 'nothing to deliver');
    assert.deepEqual(await alive(), [...sessionEntries('s1', 's2', 't1'), ...grantEntries('g1', 'stays')].sort());
    assert.deepEqual(
      (await services.takeJobs()).map((job) => (job.kind === 'backchannel_logout' ? job.sid : undefined)).sort(),
      ['sid-0', 'sid-2'],
    );
  });

  it('revokes the access of one app', async () => {
    await storeGrant(services, { grantHash: 'g2', personId: 'father', clientId: 'other', sessionHash: 's1' });
    await storeGrant(services, { grantHash: 'gt', personId: 'teacher', clientId: 'app', sessionHash: 't1' });
    assert.equal(await services.access.revokeApp('father', 'app', ADDRESS), true);
    assert.deepEqual(
      await alive(),
      [...sessionEntries('s1', 's2', 'expired', 't1'), ...grantEntries('g2', 'gt')].sort(),
    );
    assert.deepEqual(await entries(), [
      JSON.stringify(['grant.revoked', 'ok', 'father', 'father', 'app', ADDRESS, {}]),
    ]);
    assert.equal(services.wakes(), 1);
    assert.equal(await services.access.revokeApp('father', 'app', ADDRESS), false);
    assert.deepEqual(await entries(), []);
  });

  it('lists a session until its last millisecond', async () => {
    await storeSession(services, {
      sessionHash: 'short',
      personId: 'older',
      expiresAt: services.clock.now() + HOUR_MS,
    });
    services.advance(HOUR_MS - 1);
    assert.equal((await services.access.listSessions('older')).length, 1);
    services.advance(1);
    assert.equal((await services.access.listSessions('older')).length, 0);
  });
});
