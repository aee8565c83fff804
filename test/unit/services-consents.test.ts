/** Consents, session rotation, and global revocation. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { openPayload, sealPayload } from '../../src/platform/crypto/sealed-payload.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { ConcurrentChangeError, RateLimitedError, DatabaseUnavailableError } from '../../src/platform/errors.ts';
import { createConsents, type ConsentAnswer, type Consents } from '../../src/services/access/consents.ts';
import { createGlobalRevocation } from '../../src/services/access/global-revocation.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { findSession } from '../../src/store/auth/sessions.ts';
import { deleteConsents, hasConsent, listConsents } from '../../src/store/oidc/consents.ts';
import { listGrantsByPerson } from '../../src/store/oidc/grants.ts';
import { findRecordByUid, upsertRecord } from '../../src/store/oidc/records.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { person, withFamily } from '../contract/family.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { listActive, storeGrant, storeInteraction, storeSession } from '../helpers/stored-sessions.ts';

eachStore('consents and sessions', (on) => {
  let services: TestServices;
  let consents: Consents;
  const agreement = {
    ...{ personId: 'father', clientId: 'app', sessionHash: 's' },
    ...{ scopes: ['openid', 'https://api.example#read'], address: '203.0.113.7' },
  };

  withFamily(on);
  before(() => {
    services = createTestServices(on.store, [
      testClient('app'),
      testClient('quiet', { backchannel_logout_uri: undefined }),
    ]);
    consents = createConsents(services);
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      const { sessions, grants, oidcRecords, outbox, consents: given, resetLinks } = tx.tables;
      for (const table of [sessions, grants, oidcRecords, outbox, given, resetLinks]) await tx.db.delete(table);
    });
    await storeSession(services, { sessionHash: 's', personId: 'father', sids: { app: 'sid', quiet: 'sid-q' } });
    await services.newEntries();
  });
  let pages = 0;
  /** Accepts on a new consent page. */
  const give = async (answer: Omit<ConsentAnswer, 'accepted' | 'uid'>): Promise<void> => {
    const uid = `page ${String((pages += 1))}`;
    const idHash = hashId(uid);
    const record = { model: 'Interaction', idHash, createdAt: TEST_NOW, expiresAt: TEST_NOW + HOUR_MS };
    const payload = sealPayload(services.secrets, 'Interaction', idHash, {});
    await on.store.write((tx) => upsertRecord(tx, { ...record, payload }));
    await consents.answer({ ...answer, accepted: true, uid }, () => Promise.resolve());
  };
  const has = (scopes: readonly string[], clientId = 'app', personId = 'father'): Promise<boolean> =>
    on.store.read((tx) => hasConsent(tx, personId, clientId, scopes));

  it('apply to one person, one app and the accepted scopes', async () => {
    await give(agreement);
    assert.equal(await has(agreement.scopes), true);
    assert.equal(await has(['openid']), true);
    assert.equal(await has(['openid', 'email']), false);
    assert.equal(await has(['openid'], 'quiet'), false);
    assert.equal(await has(['openid'], 'app', 'teacher'), false);
    assert.equal(await has([]), true);
    const [entry] = await services.newEntries();
    assert.deepEqual(
      [entry?.event, entry?.outcome, entry?.actorId, entry?.subjectId, entry?.clientId, entry?.address, entry?.detail],
      ['consent.granted', 'ok', 'father', 'father', 'app', '203.0.113.7', { scope: 'openid https://api.example#read' }],
    );
  });

  it('keep the time of the first consent, and are deleted by app', async () => {
    await give(agreement);
    services.advance(5);
    await give({ ...agreement, scopes: ['openid', 'email'] });
    await give({ ...agreement, clientId: 'quiet', scopes: [] });
    const rows = await on.store.read((tx) => listConsents(tx, 'father'));
    assert.deepEqual(rows.map(({ clientId, scope, grantedAt }) => [clientId, scope, grantedAt - TEST_NOW]).sort(), [
      ['app', 'email', 5],
      ['app', 'https://api.example#read', 0],
      ['app', 'openid', 0],
    ]);
    assert.equal(await on.store.write((tx) => deleteConsents(tx, 'father', 'quiet')), 0);
    assert.equal(await on.store.write((tx) => deleteConsents(tx, 'father', 'app')), 3);
    assert.equal(await has(['openid']), false);
  });

  it('are rejected from a session that is ended, unknown or of another person', async () => {
    await assert.rejects(give({ ...agreement, sessionHash: 'unknown' }), ConcurrentChangeError);
    await assert.rejects(give({ ...agreement, personId: 'teacher' }), ConcurrentChangeError);
    await services.access.revokeSession('father', 's', '203.0.113.7');
    await assert.rejects(give(agreement), ConcurrentChangeError);
    assert.deepEqual(await on.store.read((tx) => listConsents(tx, 'father')), []);
  });

  it('are rejected from a session that has expired', async () => {
    await storeSession(services, { sessionHash: 'old', personId: 'father', expiresAt: services.clock.now() });
    await assert.rejects(give({ ...agreement, sessionHash: 'old' }), ConcurrentChangeError);
    assert.deepEqual(await on.store.read((tx) => listConsents(tx, 'father')), []);
  });

  it('rotates the id of a session and invalidates copies of the old one', async () => {
    await storeGrant(services, { grantHash: 'g', personId: 'father', clientId: 'app', sessionHash: 's' });
    const { id, expiresAt } = await on.store.write((tx) => services.revocation.rotateSession(tx, 's'));
    assert.match(id, /^[\w-]{43}$/);
    assert.equal(expiresAt, undefined, 'without remember-me the cookie ends with the browser');
    assert.equal(await on.store.read((tx) => findRecordByUid(tx, 'Session', 's')), undefined);
    const [grant] = await on.store.read((tx) => listGrantsByPerson(tx, 'father'));
    const moved = grant?.sessionHash ?? '';
    assert.notEqual(moved, 's');
    const record = await on.store.read((tx) => findRecordByUid(tx, 'Session', moved));
    assert.equal(record?.idHash, hashId(id));
    const payload = Object(openPayload(services.secrets, 'Session', record)) as Record<string, unknown>;
    assert.deepEqual([payload['jti'], hashId(String(payload['uid']))], [id, moved]);
    assert.deepEqual(
      payload['authorizations'],
      { app: { sid: 'sid' }, quiet: { sid: 'sid-q' } },
      'apps keep their sid',
    );
    const row = await on.store.read((tx) => findSession(tx, moved));
    assert.deepEqual([row?.personId, row?.endedAt, row?.createdAt], ['father', null, TEST_NOW]);
  });

  it('keeps the expiry of a remembered session, and does not rotate an ended one', async () => {
    const end = services.clock.now() + 30 * 24 * HOUR_MS;
    await storeSession(services, { sessionHash: 'long', personId: 'father', remember: true, expiresAt: end });
    const { expiresAt } = await on.store.write((tx) => services.revocation.rotateSession(tx, 'long'));
    assert.equal(expiresAt, end);
    await services.access.revokeSession('father', 's', '203.0.113.7');
    for (const hash of ['s', 'unknown']) {
      await assert.rejects(
        on.store.write((tx) => services.revocation.rotateSession(tx, hash)),
        ConcurrentChangeError,
      );
    }
  });

  it('revokes the access of all people in batches, and notifies the apps', async () => {
    for (let at = 0; at < 205; at += 1) {
      await storeSession(services, { sessionHash: `many ${String(at)}`, personId: 'teacher' });
    }
    // The first in the order of the ids.
    await on.store.write((tx) => insertPerson(tx, person('0', '林志豪')));
    await storeSession(services, { sessionHash: '0', personId: '0' });
    await storeGrant(services, { grantHash: 'g', personId: 'father', clientId: 'app', sessionHash: 's' });
    await storeInteraction(services, 'waiting', 'teacher');
    const link = { personId: 'father', tokenHash: 'h', expiresAt: TEST_NOW + HOUR_MS, createdAt: TEST_NOW };
    await on.store.write((tx) => upsertResetLink(tx, link));
    const versions = async (): Promise<number[]> =>
      (await on.store.read((tx) => tx.db.select().from(tx.tables.persons))).map((one) => one.credentialVersion);
    const before = await versions();
    await services.takeJobs();
    services.wakes();
    const revocation = createGlobalRevocation(services);
    assert.deepEqual(await revocation.revokeAll('restore'), { sessions: 207, grants: 1 });
    assert.deepEqual(await listActive(services), []);
    assert.deepEqual(await on.store.read((tx) => tx.db.select().from(tx.tables.resetLinks)), []);
    assert.deepEqual(
      (await services.takeJobs()).map(
        (job) => job.kind === 'backchannel_logout' && [job.clientId, job.personId, job.sid],
      ),
      [['app', 'father', 'sid']],
    );
    assert.equal(services.wakes(), 1);
    for (const [at, version] of (await versions()).entries())
      assert.ok(version > (before[at] ?? 0), 'sign-ins in progress');
    const [entry] = await services.newEntries();
    assert.deepEqual(
      [entry?.event, entry?.outcome, entry?.detail],
      ['sessions.all_revoked', 'ok', { reason: 'restore' }],
    );
    assert.deepEqual(await revocation.revokeAll('operator'), { sessions: 0, grants: 0 });
  });
});

it('errors carry their status for the HTTP layer and the provider', () => {
  const unavailable = new DatabaseUnavailableError(undefined);
  assert.deepEqual([unavailable.statusCode, unavailable.expose, unavailable.allow_redirect], [503, true, false]);
  assert.equal(unavailable.message, 'temporarily_unavailable');
  const limited = new RateLimitedError(1_500);
  assert.deepEqual(
    [limited.status, limited.statusCode, limited.expose, limited.allow_redirect],
    [429, 429, true, false],
  );
  assert.deepEqual([limited.retryAfterSeconds, new RateLimitedError(0).retryAfterSeconds], [2, 1]);
  const overtaken = new ConcurrentChangeError();
  assert.deepEqual([overtaken.status, overtaken.expose, overtaken.name], [410, true, 'ConcurrentChangeError']);
});
