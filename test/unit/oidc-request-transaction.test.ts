/** The writes of a request: visible to the request at once, stored in one transaction, or discarded. */
import assert from 'node:assert/strict';
import { afterEach, before, it, mock } from 'node:test';

import type { Context } from 'koa';
import Provider, { type Adapter } from 'oidc-provider';

import { createAdapter } from '../../src/oidc/adapter/adapter.ts';
import { collectWrites, pendingWrites } from '../../src/oidc/adapter/pending-writes.ts';
import { requestTransaction } from '../../src/oidc/adapter/request-transaction.ts';
import { createSessionAdapter } from '../../src/oidc/adapter/session-adapter.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../src/platform/errors.ts';
import { findSession } from '../../src/store/auth/sessions.ts';
import * as people from '../../src/store/people/people.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

eachStore('the writes of a request', (on) => {
  let services: TestServices;
  let tokens: Adapter;
  let codes: Adapter;
  let sessions: Adapter;
  let provider: Provider;
  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    const deps = { ...services, log: services.capturedLog.log };
    [tokens, codes] = [createAdapter('AccessToken', deps), createAdapter('AuthorizationCode', deps)];
    sessions = createSessionAdapter(deps);
    provider = new Provider('https://id.example');
  });
  afterEach(() => {
    mock.restoreAll();
  });

  it('are visible to the request itself, and stored by the transaction of the caller', async () => {
    await tokens.upsert('old', { kind: 'AccessToken' }, 60);
    const { write } = await collectWrites(async () => {
      await tokens.upsert('new', { kind: 'AccessToken' }, 60);
      await tokens.destroy('old');
      assert.deepEqual(await tokens.find('new'), { kind: 'AccessToken' });
      assert.equal(await tokens.find('old'), undefined);
      assert.equal(await codes.find('new'), undefined, 'another model');
    });
    assert.equal(await tokens.find('new'), undefined, 'not stored yet');
    assert.notEqual(await tokens.find('old'), undefined, 'not destroyed yet');
    await on.store.write(write);
    assert.deepEqual(await tokens.find('new'), { kind: 'AccessToken' });
    assert.equal(await tokens.find('old'), undefined);
  });

  it('find the last state of a record that the request writes several times', async () => {
    const { write } = await collectWrites(async () => {
      await tokens.upsert('often', { kind: 'AccessToken', jti: 'first' }, 60);
      await tokens.upsert('often', { kind: 'AccessToken', jti: 'second' }, 60);
      assert.equal((await tokens.find('often'))?.jti, 'second');
      await tokens.upsert('gone', { kind: 'AccessToken' }, 60);
      await tokens.destroy('gone');
      assert.equal(await tokens.find('gone'), undefined);
    });
    await on.store.write(write);
    assert.equal((await tokens.find('often'))?.jti, 'second');
    assert.equal(await tokens.find('gone'), undefined);
  });

  it('are stored all or none: a code that was used in the meantime stores no token', async () => {
    await codes.upsert('code', { grantId: 'g' }, 60);
    const { write } = await collectWrites(async () => {
      await tokens.upsert('of-code', { kind: 'AccessToken' }, 60);
      await codes.consume('code');
    });
    await codes.consume('code');
    await assert.rejects(on.store.write(write), { message: 'already used' });
    assert.equal(await tokens.find('of-code'), undefined);
  });

  it('are rejected with a session that ended in the meantime', async () => {
    const exp = Math.floor(services.clock.now() / 1_000) + 600;
    const session = { uid: 'uid', accountId: 'father', exp };
    await sessions.upsert('cookie', session, 600);
    const { write } = await collectWrites(async () => {
      await tokens.upsert('of-session', { kind: 'AccessToken' }, 60);
      await sessions.upsert('next-cookie', session, 600);
      assert.equal((await sessions.find('next-cookie'))?.uid, 'uid');
    });
    await on.store.write((tx) =>
      services.revocation.revokeSessions(tx, 'father', [hashId('uid')], { keepOffline: true }),
    );
    await assert.rejects(on.store.write(write), ConcurrentChangeError);
    assert.equal(await tokens.find('of-session'), undefined);
    assert.equal(await sessions.find('next-cookie'), undefined);
  });

  /** Runs a request that stores `new-<at>` and destroys `old-<at>`. @returns whether both exist afterwards, and the removed headers */
  const request = async (at: string, path: string, status: number) => {
    await tokens.upsert(`old-${at}`, { kind: 'AccessToken' }, 60);
    const removed: string[] = [];
    const ctx = { path, status: 404, req: {}, remove: (name: string) => removed.push(name) };
    mock.getter(Provider, 'ctx', () => ctx);
    const commit = requestTransaction({ ...services, log: services.capturedLog.log }, provider);
    await commit(ctx as unknown as Context, async () => {
      await tokens.upsert(`new-${at}`, { kind: 'AccessToken' }, 60);
      await tokens.destroy(`old-${at}`);
      ctx.status = status;
    });
    assert.equal(pendingWrites(), undefined, 'nothing is collected after the request');
    const exists = async (id: string): Promise<boolean> => (await tokens.find(id)) !== undefined;
    return [await exists(`new-${at}`), await exists(`old-${at}`), removed.sort()];
  };

  for (const [name, path, status, expected] of [
    ['everything after a token response', '/token', 200, [true, false, []]],
    ['only removals after a rejected token request', '/token', 400, [false, false, []]],
    ['nothing after a server error at /token', '/token', 500, [false, true, ['location', 'set-cookie']]],
    ['everything after a redirect of /auth', '/auth', 303, [true, false, []]],
    ['everything after a rejected authorization request', '/auth/x', 400, [true, false, []]],
    ['nothing after a server error at /auth', '/auth', 500, [false, true, ['location', 'set-cookie']]],
    ['at once on other routes', '/userinfo', 500, [true, false, []]],
    ['at once for device codes', '/device/auth', 500, [true, false, []]],
  ] as const) {
    it(`store ${name}`, async () => {
      assert.deepEqual(await request(name, path, status), expected);
    });
  }

  it('store a session only for the verified credential of an active account', async () => {
    const version = (await on.store.read((tx) => people.findPerson(tx, 'father')))?.credentialVersion ?? 0;
    const exp = Math.floor(services.clock.now() / 1_000) + 600;
    const signIn = async (uid: string, login: object): Promise<boolean> => {
      mock.restoreAll();
      mock.getter(Provider, 'ctx', () => ({ req: {}, oidc: { result: { login } } }));
      await sessions.upsert(uid, { uid, accountId: 'father', exp }, 600);
      return (await on.store.read((tx) => findSession(tx, hashId(uid)))) !== undefined;
    };
    assert.equal(await signIn('same', { accountId: 'father', credentialVersion: version }), true);
    for (const credentialVersion of [version - 1, version + 1, String(version), undefined]) {
      const uid = `other ${String(credentialVersion)} ${typeof credentialVersion}`;
      await assert.rejects(signIn(uid, { accountId: 'father', credentialVersion }), ConcurrentChangeError, uid);
      assert.equal(await sessions.find(uid), undefined);
    }
    await services.people.setStatus('father', 'disabled', undefined);
    const disabled = (await on.store.read((tx) => people.findPerson(tx, 'father')))?.credentialVersion;
    for (const credentialVersion of [version, disabled]) {
      await assert.rejects(signIn('disabled', { accountId: 'father', credentialVersion }), ConcurrentChangeError);
    }
    assert.equal(await on.store.read((tx) => findSession(tx, hashId('disabled'))), undefined);
  });
});
