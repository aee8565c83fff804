import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { hasOfflineAccess } from '../../src/services/access/revocation.ts';
import { findSession, upsertSession } from '../../src/store/auth/sessions.ts';
import type { Transaction } from '../../src/store/database/index.ts';
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

const QUIET = { backchannel_logout_uri: undefined };

eachStore('revocation of sessions and grants', (on) => {
  let services: TestServices;
  const alive = (): Promise<string[]> => listActive(services);
  const sorted = (...entries: string[]): string[] => entries.sort();
  const notices = async (): Promise<unknown[]> =>
    (await services.takeJobs()).map((job) =>
      job.kind === 'backchannel_logout' ? [job.clientId, job.personId, job.sid] : job,
    );

  withFamily(on);
  before(() => {
    services = createTestServices(on.store, [testClient('app'), testClient('other'), testClient('quiet', QUIET)]);
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      for (const table of [tx.tables.sessions, tx.tables.grants, tx.tables.oidcRecords, tx.tables.outbox])
        await tx.db.delete(table);
    });
    await storeSession(services, {
      sessionHash: 's1',
      personId: 'father',
      sids: { app: 'sid-1', quiet: 'sid-q', gone: 'sid-g' },
    });
    await storeSession(services, { sessionHash: 's2', personId: 'father', sids: { app: 'sid-2', other: undefined } });
    await storeSession(services, { sessionHash: 't1', personId: 'teacher', sids: { app: 'sid-t' } });
    const father = { personId: 'father', clientId: 'app' };
    await storeGrant(services, { ...father, grantHash: 'g1', sessionHash: 's1' });
    await storeGrant(services, { ...father, grantHash: 'off1', sessionHash: 's1', scopes: 'openid offline_access' });
    await storeGrant(services, { ...father, grantHash: 'g2', sessionHash: 's2' });
    await storeGrant(services, { ...father, grantHash: 'off2', sessionHash: 's2', scopes: 'openid offline_access' });
    await storeGrant(services, { ...father, grantHash: 'old', sessionHash: 'purged' });
    await storeGrant(services, { grantHash: 'gt', personId: 'teacher', clientId: 'app', sessionHash: 't1' });
    await storeInteraction(services, 'waiting', 'father');
    await storeInteraction(services, 'waiting-teacher', 'teacher');
  });

  it('revokes a session with its tokens, and keeps offline access', async () => {
    const notified = await on.store.write((tx) =>
      services.revocation.revokeSessions(tx, 'father', ['s1'], { keepOffline: true }),
    );
    assert.deepEqual(
      notified.map(({ clientId }) => clientId),
      ['app'],
    );
    assert.deepEqual(
      await alive(),
      sorted(
        ...sessionEntries('s2', 't1'),
        ...grantEntries('off1', 'g2', 'off2', 'old', 'gt'),
        'Interaction waiting',
        'Interaction waiting-teacher',
      ),
    );
    const row = await on.store.read((tx) => findSession(tx, 's1'));
    assert.equal(row?.endedAt, TEST_NOW);
    assert.deepEqual(await notices(), [['app', 'father', 'sid-1']]);
  });

  it('revokes several sessions, with their offline access on request', async () => {
    await on.store.write((tx) =>
      services.revocation.revokeSessions(tx, 'father', ['s1', 's2', 'unknown'], { keepOffline: false }),
    );
    assert.deepEqual(
      await alive(),
      sorted(
        ...sessionEntries('t1'),
        ...grantEntries('old', 'gt'),
        'Interaction waiting',
        'Interaction waiting-teacher',
      ),
    );
    const notified = await notices();
    assert.deepEqual(
      new Set(notified.map((one) => JSON.stringify(one))),
      new Set([
        JSON.stringify(['app', 'father', 'sid-1']),
        JSON.stringify(['app', 'father', 'sid-2']),
        JSON.stringify(['other', 'father', undefined]),
      ]),
    );
    assert.equal(notified.length, 3);
  });

  it('revokes all access of a person, including sign-ins in progress', async () => {
    await on.store.write((tx) => services.revocation.revokeAllOf(tx, 'father'));
    assert.deepEqual(
      await alive(),
      sorted(...sessionEntries('t1'), ...grantEntries('gt'), 'Interaction waiting-teacher'),
    );
  });

  it('keeps one session with its tokens, but no offline access', async () => {
    await on.store.write((tx) => services.revocation.revokeAllOf(tx, 'father', 's2'));
    const left = await alive();
    for (const entry of grantEntries('g2')) assert.ok(left.includes(entry), entry);
    assert.equal(
      left.filter((entry) => entry.startsWith('session ')).length,
      2,
      'the kept one, and that of the teacher',
    );
    for (const entry of [
      ...sessionEntries('s1', 's2'),
      ...grantEntries('g1', 'off1', 'off2', 'old'),
      'Interaction waiting',
    ]) {
      assert.ok(!left.includes(entry), entry);
    }
  });

  it('ends expired sessions with all access, so a node whose clock is behind cannot renew them', async () => {
    const expired = { personId: 'father', expiresAt: services.clock.now() };
    await storeSession(services, { ...expired, sessionHash: 'expired', sids: { other: 'sid-e' } });
    await storeSession(services, { ...expired, sessionHash: 'kept' });
    assert.equal(await on.store.write((tx) => services.revocation.revokeAllOf(tx, 'father', 'kept')), undefined);
    const left = await alive();
    assert.deepEqual(
      left.filter((entry) => entry.startsWith('session ')),
      ['session t1'],
    );
    assert.ok((await notices()).map(String).includes('other,father,sid-e'));
    const renewed = { userAgent: '', address: '', remember: false, createdAt: TEST_NOW, expiresAt: TEST_NOW + 1_000 };
    const now = expired.expiresAt - 1;
    for (const sessionHash of ['expired', 'kept']) {
      const session = { ...renewed, sessionHash, personId: 'father' };
      assert.equal(await on.store.write((tx) => upsertSession(tx, session, now)), false, sessionHash);
    }
  });

  it('notifies each relying party once for several grants, and revokes only those grants', async () => {
    await storeGrant(services, { grantHash: 'tab', personId: 'father', clientId: 'app', sessionHash: 's1' });
    const grants = await on.store.read((tx) => listGrantsByPerson(tx, 'father'));
    const ending = grants.filter(({ grantHash }) => ['g1', 'tab', 'g2'].includes(grantHash));
    await on.store.write((tx) => services.revocation.revokeGrants(tx, ending));
    const notified = await notices();
    assert.deepEqual(notified.map(String).sort(), ['app,father,sid-1', 'app,father,sid-2']);
    const left = await alive();
    assert.deepEqual(
      left,
      sorted(
        ...sessionEntries('s1', 's2', 't1'),
        ...grantEntries('off1', 'off2', 'old', 'gt'),
        'Interaction waiting',
        'Interaction waiting-teacher',
      ),
    );
  });

  it('revokes 900 sessions with one statement more than nine', async () => {
    const count = async (sessions: number): Promise<number> => {
      const store = async (_: unknown, i: number): Promise<void> => {
        const sessionHash = `${String(sessions)}-${String(i)}`;
        await storeSession(services, { sessionHash, personId: 'older', sids: { app: sessionHash, other: 'sid' } });
        await storeGrant(services, { grantHash: sessionHash, personId: 'older', clientId: 'app', sessionHash });
      };
      await Promise.all(Array.from({ length: sessions }, store));
      let statements = 0;
      await on.store.write((tx) => {
        const execute: Transaction['execute'] = (...args) => {
          statements += 1;
          return tx.execute(...args);
        };
        return services.revocation.revokeAllOf({ ...tx, execute, db: tx.engine.queries(execute) }, 'older');
      });
      assert.equal((await alive()).filter((entry) => entry.includes(`${String(sessions)}-`)).length, 0);
      assert.equal((await services.takeJobs()).length, sessions * 2);
      return statements;
    };
    const few = await count(9);
    assert.ok(few < 15, String(few));
    // One INSERT takes a thousand notices.
    assert.equal(await count(900), few + 1);
  });

  it('notifies without a session id if the session of a grant was purged', async () => {
    const grants = await on.store.read((tx) => listGrantsByPerson(tx, 'father'));
    await on.store.write((tx) =>
      services.revocation.revokeGrants(
        tx,
        grants.filter(({ grantHash }) => grantHash === 'old'),
      ),
    );
    assert.deepEqual(await notices(), [['app', 'father', undefined]]);
  });

  it('detects offline access by the exact scope', () => {
    assert.equal(hasOfflineAccess({ scopes: 'openid offline_access' }), true);
    assert.equal(hasOfflineAccess({ scopes: 'openid offline_access_x' }), false);
    assert.equal(hasOfflineAccess({ scopes: '' }), false);
  });
});
