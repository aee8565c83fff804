/** Storage of the provider's records: hashed ids, encrypted payloads and session limits. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import type { Context } from 'koa';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';

import { systemRandom } from '../../src/domain/random.ts';
import { createAdapter } from '../../src/oidc/adapter/adapter.ts';
import { identifyBrowser } from '../../src/oidc/adapter/browser-binding.ts';
import { collectWrites } from '../../src/oidc/adapter/pending-writes.ts';
import { createSessionAdapter } from '../../src/oidc/adapter/session-adapter.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../src/platform/errors.ts';
import { findSession } from '../../src/store/auth/sessions.ts';
import { listGrantsByPerson } from '../../src/store/oidc/grants.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { storeGrant } from '../helpers/stored-sessions.ts';

const COOKIE = '__Host-kinpass_browser';
const SECOND = 1_000;
const HOUR_SECONDS = 3_600;

eachStore('adapter of the provider', (on) => {
  let services: TestServices;
  const adapter = (model: string): Adapter => createAdapter(model, { ...services, log: services.capturedLog.log });
  const rowOf = async (id: string): Promise<Record<string, unknown> | undefined> => {
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
    return rows.find(({ idHash }) => idHash === hashId(id));
  };

  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
  });

  it('stores hashes of ids and an encrypted payload, never an id or token', async () => {
    const payload: AdapterPayload = {
      uid: 'the-uid',
      userCode: 'the-user-code',
      grantId: 'the-grant',
      accountId: 'father',
      clientId: 'app',
      kind: 'AccessToken',
    };
    await adapter('AccessToken').upsert('the-id', payload, 60);
    const row = await rowOf('the-id');
    const { payload: sealed, ...columns } = { ...row };
    assert.deepEqual(columns, {
      model: 'AccessToken',
      idHash: hashId('the-id'),
      uidHash: hashId('the-uid'),
      userCodeHash: hashId('the-user-code'),
      grantHash: hashId('the-grant'),
      accountId: 'father',
      clientId: 'app',
      browserHash: null,
      expiresAt: TEST_NOW + 60 * SECOND,
      consumedAt: null,
      destroyed: columns['destroyed'],
      createdAt: TEST_NOW,
    });
    assert.equal(Boolean(columns.destroyed), false);
    for (const secret of ['the-id', 'the-uid', 'the-user-code', 'the-grant']) {
      assert.ok(!JSON.stringify(row).includes(secret), secret);
    }
    assert.match(String(sealed), /^v1\./);
    assert.deepEqual(await adapter('AccessToken').find('the-id'), payload);
    assert.deepEqual(await adapter('AccessToken').findByUid('the-uid'), payload);
    assert.equal(await adapter('RefreshToken').find('the-id'), undefined);
    assert.equal(await adapter('AccessToken').find('another'), undefined);
  });

  it('stores null for absent fields', async () => {
    await adapter('AccessToken').upsert('bare', { kind: 'AccessToken' }, 1);
    const row = await rowOf('bare');
    for (const column of ['uidHash', 'userCodeHash', 'grantHash', 'accountId', 'clientId', 'browserHash']) {
      assert.equal(row?.[column], null, column);
    }
  });

  it('stores the person of an interaction', async () => {
    await adapter('Interaction').upsert('step', { result: { login: { accountId: 'father' } } }, 60);
    assert.equal((await rowOf('step'))?.['accountId'], 'father');
  });

  it('finds no interaction outside of a browser request', async () => {
    await adapter('Interaction').upsert('unbound', { uid: 'unbound-uid' }, 60);
    assert.equal(await adapter('Interaction').find('unbound'), undefined);
    assert.equal(await adapter('Interaction').findByUid('unbound-uid'), undefined);
  });

  it('finds an interaction only in the browser that started it', async () => {
    /** Runs work as a request of the browser with this cookie. */
    const inBrowser = async <T>(cookie: string | undefined, work: () => Promise<T>): Promise<T | undefined> => {
      let result: T | undefined;
      const context = { secure: true, cookies: { get: (name: string) => (name === COOKIE ? cookie : undefined) } };
      await identifyBrowser(systemRandom)(context as Context, async () => {
        result = await work();
      });
      return result;
    };
    const [own, other] = ['a'.repeat(43), 'b'.repeat(43)];
    const steps = adapter('Interaction');
    const find = async (): Promise<unknown> => steps.find('bound');
    await inBrowser(own, () => steps.upsert('bound', { uid: 'bound-uid' }, 60));
    assert.equal((await rowOf('bound'))?.['browserHash'], hashId(own));
    assert.deepEqual(await inBrowser(own, find), { uid: 'bound-uid' });
    assert.deepEqual(await inBrowser(own, () => steps.findByUid('bound-uid')), { uid: 'bound-uid' });
    for (const cookie of [other, undefined, '', `${own}a`, own.slice(1), `${own.slice(1)}=`]) {
      assert.equal(await inBrowser(cookie, find), undefined, cookie ?? 'no cookie');
    }
    await inBrowser(undefined, () => steps.upsert('first-visit', {}, 60));
    assert.match(String((await rowOf('first-visit'))?.['browserHash']), /^[\w-]{43}$/);
    await inBrowser(own, () => adapter('AccessToken').upsert('unbound-token', {}, 60));
    assert.equal((await rowOf('unbound-token'))?.['browserHash'], null);
  });

  it('consumes a code once', async () => {
    await adapter('AuthorizationCode').upsert('code', { grantId: 'grant-of-code' }, 60);
    assert.equal((await adapter('AuthorizationCode').find('code'))?.consumed, undefined);
    await adapter('AuthorizationCode').consume('code');
    assert.equal((await adapter('AuthorizationCode').find('code'))?.consumed, TEST_NOW / SECOND);
    await assert.rejects(adapter('AuthorizationCode').consume('code'), {
      message: 'already used',
      grantHash: hashId('grant-of-code'),
    });
    await assert.rejects(adapter('AuthorizationCode').consume('unknown'), { grantHash: undefined });
  });

  it('consumes a pushed authorization request once', async () => {
    await adapter('PushedAuthorizationRequest').upsert('par', {}, 60);
    await adapter('PushedAuthorizationRequest').consume('par');
    await assert.rejects(adapter('PushedAuthorizationRequest').consume('par'), errors.InvalidRequestUri);
  });

  it('does not find a destroyed record, and no save restores it', async () => {
    const tokens = adapter('RefreshToken');
    await tokens.upsert('token', { grantId: 'g' }, 60);
    await tokens.destroy('token');
    assert.equal(await tokens.find('token'), undefined);
    await tokens.upsert('token', { grantId: 'g' }, 60);
    assert.equal(await tokens.find('token'), undefined);
  });

  it('destroys an interaction of a request once, and other records any number of times', async () => {
    const destroy = async (model: string, id: string): Promise<void> => {
      const { write } = await collectWrites(() => adapter(model).destroy(id));
      await on.store.write(write);
    };
    for (const model of ['Interaction', 'RefreshToken']) await adapter(model).upsert(`once-${model}`, {}, 60);
    await destroy('Interaction', 'once-Interaction');
    await assert.rejects(destroy('Interaction', 'once-Interaction'), ConcurrentChangeError);
    await destroy('RefreshToken', 'once-RefreshToken');
    await destroy('RefreshToken', 'once-RefreshToken');
  });

  it('finds what the request has written before it is committed', async () => {
    const tokens = adapter('AccessToken');
    await tokens.upsert('stored', { grantId: 'g' }, 60);
    const { returned, write } = await collectWrites(async () => {
      await tokens.upsert('pending', { grantId: 'g' }, 60);
      await tokens.destroy('stored');
      return [await tokens.find('pending'), await tokens.find('stored')];
    });
    assert.deepEqual(returned, [{ grantId: 'g' }, undefined]);
    assert.equal(await tokens.find('pending'), undefined);
    assert.deepEqual(await tokens.find('stored'), { grantId: 'g' });
    await on.store.write(write);
    assert.deepEqual([await tokens.find('pending'), await tokens.find('stored')], returned);
  });

  for (const [name, answer] of [
    ['approved', { accountId: 'father' }],
    ['denied', { error: 'access_denied' }],
  ] as const) {
    it(`keeps the first answer of a device code that was ${name}`, async () => {
      const codes = adapter('DeviceCode');
      const id = `device-${name}`;
      await codes.upsert(id, { userCode: id }, 60);
      await codes.upsert(id, { userCode: id, inFlight: true }, 60);
      await assert.rejects(codes.upsert(id, { userCode: id, inFlight: true }, 60), ConcurrentChangeError);
      await codes.upsert(id, { userCode: id, ...answer }, 60);
      for (const other of [{ accountId: 'mother' }, { error: 'expired' }, { inFlight: true }, {}]) {
        await assert.rejects(codes.upsert(id, { userCode: id, ...other }, 60), ConcurrentChangeError);
      }
      assert.deepEqual(await codes.find(id), { userCode: id, ...answer });
    });
  }

  it('saves records of other models again, also with a person', async () => {
    const tokens = adapter('RefreshToken');
    for (const scope of ['openid', 'openid profile']) await tokens.upsert('saved', { accountId: 'father', scope }, 60);
    assert.equal((await tokens.find('saved'))?.scope, 'openid profile');
  });

  it('looks up user codes only in a request of the provider', async () => {
    await assert.rejects(adapter('DeviceCode').findByUserCode('code'), /only in a request/);
  });

  it('stores the client that an interaction belongs to', async () => {
    await adapter('Interaction').upsert('of-params', { params: { client_id: 'app' } }, 60);
    await adapter('Interaction').upsert('of-odd-params', { params: { client_id: 5 } }, 60);
    await adapter('Interaction').upsert('of-session', { session: { accountId: 'father', uid: 'u', cookie: 'c' } }, 60);
    assert.equal((await rowOf('of-params'))?.['clientId'], 'app');
    assert.equal((await rowOf('of-odd-params'))?.['clientId'], null);
    assert.equal((await rowOf('of-session'))?.['accountId'], 'father');
  });

  it('finds a grant only while its row exists', async () => {
    await adapter('Grant').upsert('a-grant', { accountId: 'father' }, 60);
    assert.equal(await adapter('Grant').find('a-grant'), undefined, 'without a row it is not found');
  });

  it('revokes a grant with every token under it', async () => {
    const grantHash = hashId('revoked');
    await storeGrant(services, { grantHash, personId: 'father', clientId: 'app', sessionHash: 's' });
    await adapter('AccessToken').upsert('under', { grantId: 'revoked' }, 60);
    await adapter('AccessToken').upsert('elsewhere', { grantId: 'other' }, 60);
    await adapter('AccessToken').revokeByGrantId('revoked');
    assert.equal(await adapter('AccessToken').find('under'), undefined);
    assert.notEqual(await adapter('AccessToken').find('elsewhere'), undefined);
    assert.deepEqual(await on.store.read((tx) => listGrantsByPerson(tx, 'father')), []);
  });
});

eachStore('adapter of sessions', (on) => {
  let services: TestServices;
  let sessions: Adapter;
  const nowSeconds = (): number => Math.floor(services.clock.now() / SECOND);
  const signedIn = (uid: string, more: AdapterPayload = {}): AdapterPayload => ({
    uid,
    accountId: 'father',
    loginTs: nowSeconds(),
    exp: nowSeconds() + 90 * 24 * HOUR_SECONDS,
    ...more,
  });

  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    sessions = createSessionAdapter({ ...services, log: services.capturedLog.log });
  });

  it('writes the row of the account page with the record', async () => {
    await sessions.upsert('cookie-1', signedIn('uid-1', { loginTs: nowSeconds() - 30 }), 12 * HOUR_SECONDS);
    const row = await on.store.read((tx) => findSession(tx, hashId('uid-1')));
    assert.deepEqual(
      { ...row, remember: Boolean(row?.remember) },
      {
        sessionHash: hashId('uid-1'),
        personId: 'father',
        userAgent: '',
        address: '',
        remember: true,
        createdAt: TEST_NOW - 30 * SECOND,
        expiresAt: TEST_NOW + 12 * HOUR_SECONDS * SECOND,
        endedAt: null,
      },
    );
    assert.equal((await sessions.find('cookie-1'))?.accountId, 'father');
    assert.equal((await sessions.findByUid('uid-1'))?.accountId, 'father');
    await sessions.upsert('cookie-2', signedIn('uid-2', { transient: true }), 60);
    assert.equal(Boolean((await on.store.read((tx) => findSession(tx, hashId('uid-2'))))?.remember), false);
  });

  it('writes no row without a signed-in person', async () => {
    await sessions.upsert('anonymous', { uid: 'uid-anonymous', state: { secret: 'of a form' } }, 60);
    assert.equal(await on.store.read((tx) => findSession(tx, hashId('uid-anonymous'))), undefined);
    assert.notEqual(await sessions.find('anonymous'), undefined);
  });

  it('stores no new session without a person and a form, but updates an existing one', async () => {
    await sessions.upsert('empty', { uid: 'uid-empty' }, 60);
    assert.equal(await sessions.find('empty'), undefined);
    await sessions.upsert('answered', { uid: 'uid-answered', state: { secret: 'of a form' } }, 60);
    await sessions.upsert('answered', { uid: 'uid-answered' }, 60);
    assert.deepEqual(await sessions.find('answered'), { uid: 'uid-answered' });
  });

  it('never restores an ended session, and stores none of a deleted person', async () => {
    await sessions.upsert('ended', signedIn('uid-ended'), 60);
    await on.store.write((tx) =>
      services.revocation.revokeSessions(tx, 'father', [hashId('uid-ended')], { keepOffline: true }),
    );
    await sessions.upsert('ended-again', signedIn('uid-ended'), 60);
    assert.equal(await sessions.find('ended'), undefined);
    assert.equal(await sessions.find('ended-again'), undefined);
    await sessions.upsert('deleted', signedIn('uid-deleted', { accountId: 'deleted' }), 60);
    assert.equal(await sessions.find('deleted'), undefined);
    assert.equal(await on.store.read((tx) => findSession(tx, hashId('uid-deleted'))), undefined);
  });

  for (const [name, transient, hours] of [
    ['without remember-me after 12 hours', true, 12],
    ['with remember-me after 30 days', undefined, 30 * 24],
  ] as const) {
    it(`expires a session ${name}, also with frequent use`, async () => {
      const id = `limit ${name}`;
      const payload = signedIn(`uid ${name}`, transient === undefined ? {} : { transient });
      await sessions.upsert(id, payload, 365 * 24 * HOUR_SECONDS);
      services.advance(hours * HOUR_SECONDS * SECOND - SECOND);
      await sessions.upsert(id, payload, 365 * 24 * HOUR_SECONDS);
      assert.notEqual(await sessions.find(id), undefined);
      assert.notEqual(await sessions.findByUid(`uid ${name}`), undefined);
      services.advance(SECOND);
      assert.equal(await sessions.find(id), undefined);
      assert.equal(await sessions.findByUid(`uid ${name}`), undefined);
    });
  }

  it('expires an idle session exactly, without the tolerance of the provider', async () => {
    await sessions.upsert('idle', signedIn('uid-idle', { exp: nowSeconds() + 600 }), 600);
    services.advance(600 * SECOND - 1);
    assert.notEqual(await sessions.find('idle'), undefined);
    services.advance(1);
    assert.equal(await sessions.find('idle'), undefined);
  });
});
