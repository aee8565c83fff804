/** The command that revokes all sessions, tokens, interactions and reset links. */
import assert from 'node:assert/strict';
import { before, it, mock } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { updateSessionHash, upsertSession, findSession } from '../../src/store/auth/sessions.ts';
import {
  codeOf,
  runAuthorization,
  errorOf,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
let issuer = '';
const receiver = useLogoutReceiver(() => issuer, 'notified');

const clients = (): { clients: object[] } => {
  const scopes = ['openid', 'profile', 'offline_access'];
  return {
    clients: [
      createRegistration('notified', secret, { scopes, backchannel_logout_uri: receiver.url }),
      createRegistration('plain', secret, { scopes }),
    ],
  };
};

eachService('sessions revoke-all', clients, (running) => {
  let notified: TestParty;
  let plain: TestParty;
  before(async () => {
    ({ issuer } = running());
    const party = (id: string): Promise<TestParty> => createParty(issuer, { id, scope: 'openid profile', secret });
    [notified, plain] = [await party('notified'), await party('plain')];
    receiver.received.length = 0;
  });
  const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> =>
    errorOf((await runAuthorization(plain, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;

  it('revokes sessions, codes, tokens and interactions, notifies apps, and is audited', async () => {
    const teacher = await signInWithNewBrowser(notified, { login: LOGIN.T2, parameters: OFFLINE });
    const student = await signInWithNewBrowser(plain, { login: LOGIN.S1, remember: true });
    const code = await runAuthorization(plain, student.httpBrowser);
    assert.ok(codeOf(code.answer));
    const waiting = createHttpBrowser(issuer);
    const step = await waiting.open((await plain.begin()).url);
    assert.equal(interactionOf(step), 'login');
    assert.deepEqual([await isAlive(teacher.httpBrowser), await isAlive(student.httpBrowser)], [true, true]);

    const revoked = await running().container.globalRevocation.revokeAll('operator');
    assert.equal(revoked.sessions, 2);
    assert.ok(revoked.grants >= 3);

    assert.deepEqual([await isAlive(teacher.httpBrowser), await isAlive(student.httpBrowser)], [false, false]);
    for (const { tokens, party } of [
      { ...teacher, party: notified },
      { ...student, party: plain },
    ]) {
      assert.equal((await userinfo(party, tokens.access_token)).status, 401);
    }
    assert.equal((await refresh(notified, teacher.tokens.refresh_token)).body['error'], 'invalid_grant');
    assert.equal((await redeem(plain, code)).body['error'], 'invalid_grant');
    const late = await waiting.submit(step, { login: LOGIN.S1, password: DEMO_PASSWORD });
    assert.equal(late.leavesTo, undefined);
    assert.equal(await isAlive(waiting), false);
    const [token] = await receiver.take(1);
    assert.ok(token?.sid);
    assert.ok((await listAuditEvents(running())).includes('sessions.all_revoked'));
  });

  it('revokes a session that moves behind the cursor between two batches', async () => {
    const { globalRevocation, store } = running().container;
    const now = Date.now();
    const row = { personId: personId('S1'), userAgent: '', address: '', remember: false, createdAt: now };
    const hashes = Array.from({ length: 201 }, (_, at) => `b${String(at).padStart(3, '0')}`);
    await store.write(async (tx) => {
      for (const sessionHash of hashes) await upsertSession(tx, { ...row, sessionHash, expiresAt: now + 60_000 }, now);
    });
    const [moved = ''] = hashes.slice(-1);
    const write = store.write.bind(store);
    let isMoved = false;
    const spy = mock.method(store, 'write', async <T>(work: Parameters<typeof store.write<T>>[0]): Promise<T> => {
      const result = await write(work);
      const first = isMoved ? undefined : await store.read((tx) => findSession(tx, 'b000'));
      if (first !== undefined && first.endedAt !== null) {
        isMoved = true;
        assert.ok(await write((tx) => updateSessionHash(tx, moved, 'a', now + 1)));
      }
      return result;
    });
    try {
      assert.equal((await globalRevocation.revokeAll('operator')).sessions, 201);
    } finally {
      spy.mock.restore();
    }
    const session = await store.read((tx) => findSession(tx, 'a'));
    assert.equal(typeof session?.endedAt, 'number');
  });

  it('revokes existing sessions only, not later ones', async () => {
    assert.deepEqual(await running().container.globalRevocation.revokeAll('operator'), { sessions: 0, grants: 0 });
    const { httpBrowser } = await signInWithNewBrowser(plain, { login: LOGIN.S1 });
    assert.ok((await tokensFor(plain, httpBrowser)).access_token);
    assert.equal((await running().container.globalRevocation.revokeAll('operator')).sessions, 1);
  });
});
