/** The rules that a new grant has to fulfill in the transaction that stores it, and when its tokens are valid. */
import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import {
  MAX_GRANTS_PER_SESSION_AND_CLIENT,
  MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT,
} from '../../src/domain/sessions.ts';
import { ConcurrentChangeError } from '../../src/platform/errors.ts';
import { findLastContext, isGrantActive, storeGrant, type LastContext } from '../../src/services/access/grants.ts';
import { insertConsents } from '../../src/store/oidc/consents.ts';
import { insertGrant, listGrantsByPerson, type NewGrant } from '../../src/store/oidc/grants.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { storeSession } from '../helpers/stored-sessions.ts';

describe('the tokens of a grant', () => {
  const grant = { personId: 'p', clientId: 'app', role: null, schoolCode: null, childId: null };
  const isActive = (scopes: string, session: { expiresAt: number; endedAt: number | null } | null): boolean =>
    isGrantActive({ grant: { ...grant, scopes }, session, record: null }, TEST_NOW);

  it('are valid while the session is', () => {
    assert.equal(isActive('openid', { expiresAt: TEST_NOW + 1, endedAt: null }), true);
    assert.equal(isActive('openid', { expiresAt: TEST_NOW, endedAt: null }), false, 'expired');
    assert.equal(isActive('openid', { expiresAt: TEST_NOW + 1, endedAt: TEST_NOW - 1 }), false, 'ended');
    assert.equal(isActive('openid', null), false, 'purged');
  });

  it('with offline_access are valid without the session', () => {
    assert.equal(isActive('openid offline_access', null), true);
    assert.equal(isActive('openid offline_access', { expiresAt: TEST_NOW, endedAt: TEST_NOW }), true);
    assert.equal(isActive('openid not_offline_access', null), false);
  });
});

eachStore('a new grant', (on) => {
  let services: TestServices;
  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
  });
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      for (const table of [tx.tables.grants, tx.tables.consents, tx.tables.lastContexts, tx.tables.sessions]) {
        await tx.db.delete(table);
      }
    });
    for (const sessionHash of ['s', 't']) await storeSession(services, { sessionHash, personId: 'father' });
  });

  const enabled: Parameters<typeof storeGrant>[1] = { lockEnabled: () => Promise.resolve(true) };
  const newGrant = (more: Partial<NewGrant> = {}): NewGrant => ({
    ...{ grantHash: 'g', personId: 'father', clientId: 'app', sessionHash: 's', scopes: 'openid profile' },
    ...{ createdAt: TEST_NOW, expiresAt: TEST_NOW + 1_000, ...more },
  });
  const store = (
    grant: NewGrant,
    {
      needsConsent = false,
      last,
      clients = enabled,
    }: { needsConsent?: boolean; last?: LastContext; clients?: typeof enabled } = {},
  ): Promise<void> => on.store.write((tx) => storeGrant(tx, clients, { grant, last, needsConsent }));
  const stored = async (): Promise<string[]> =>
    (await on.store.read((tx) => listGrantsByPerson(tx, 'father'))).map(({ grantHash }) => grantHash);

  it('of a client that was disabled meanwhile is not stored', async () => {
    const asked: string[] = [];
    const clients = {
      lockEnabled: (_tx: unknown, clientId: string) => {
        asked.push(clientId);
        return Promise.resolve(false);
      },
    };
    await assert.rejects(store(newGrant(), { clients }), ConcurrentChangeError);
    assert.deepEqual([asked, await stored()], [['app'], []]);
  });

  it('of a third-party app needs consent to each of its scopes', async () => {
    await on.store.write((tx) => insertConsents(tx, 'father', 'app', ['openid'], TEST_NOW));
    await assert.rejects(store(newGrant(), { needsConsent: true }), ConcurrentChangeError);
    await assert.rejects(
      store(newGrant({ clientId: 'other', scopes: 'openid' }), { needsConsent: true }),
      ConcurrentChangeError,
    );
    assert.deepEqual(await stored(), []);
    await store(newGrant({ scopes: 'openid' }), { needsConsent: true });
    await store(newGrant({ grantHash: 'none', scopes: '' }), { needsConsent: true });
    assert.deepEqual(await stored(), ['g', 'none']);
  });

  it('of a first-party app needs no consent, and keeps the selected context', async () => {
    const last: LastContext = { role: 'teacher', schoolCode: null, childId: null };
    await store(newGrant(), { last });
    assert.deepEqual(await stored(), ['g']);
    assert.deepEqual(await findLastContext(on.store, 'father', 'app'), last);
    assert.equal(await findLastContext(on.store, 'father', 'other'), undefined);
    await store(newGrant({ grantHash: 'later' }));
    assert.deepEqual(await findLastContext(on.store, 'father', 'app'), last);
  });

  it('revokes the oldest ones of its session and client beyond the limit', async () => {
    await store(newGrant({ grantHash: 'other client', clientId: 'other' }));
    await store(newGrant({ grantHash: 'other session', sessionHash: 't' }));
    for (let at = 0; at <= MAX_GRANTS_PER_SESSION_AND_CLIENT; at += 1) {
      await store(newGrant({ grantHash: `g${String(at)}`, createdAt: TEST_NOW + at }));
    }
    const left = await stored();
    assert.equal(left.length, MAX_GRANTS_PER_SESSION_AND_CLIENT + 2);
    assert.ok(!left.includes('g0'));
    assert.ok(left.includes('g1'));
  });

  it('with offline_access revokes the oldest of the person beyond the limit', async () => {
    const offline = { scopes: 'openid offline_access' };
    const sessions = MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT / 10;
    for (let at = 0; at < sessions; at += 1) {
      await storeSession(services, { sessionHash: `s${String(at)}`, personId: 'father' });
    }
    await on.store.write(async (tx) => {
      await insertGrant(tx, newGrant({ grantHash: 'online' }));
      for (let at = 0; at < MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT; at += 1) {
        const sessionHash = `s${String(at % sessions)}`;
        await insertGrant(
          tx,
          newGrant({ grantHash: `g${String(at)}`, createdAt: TEST_NOW + at, sessionHash, ...offline }),
        );
      }
    });
    await store(newGrant({ grantHash: 'online too' }));
    assert.ok((await stored()).includes('g0'));
    await store(newGrant({ grantHash: 'newest', createdAt: TEST_NOW + 500, ...offline }));
    const left = await stored();
    assert.equal(left.length, MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT + 2);
    assert.ok(!left.includes('g0'));
  });
});
