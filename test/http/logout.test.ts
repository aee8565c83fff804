/** Sign-out: confirmed once, then all sessions are revoked and all apps notified. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import * as audit from '../../src/store/audit.ts';
import {
  codeOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { pollUntil } from '../helpers/poll.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { createParty, newSecret, createRegistration, type TestParty, type Tokens } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService } from '../helpers/service.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const BYE = 'https://first.example/bye';
let issuer = '';
let time: FrozenTime;
let atFirst: LogoutReceiver;
let atSecond: LogoutReceiver;

before(async () => {
  time = freezeTime();
  atFirst = await startLogoutReceiver(() => issuer, 'first');
  atSecond = await startLogoutReceiver(() => issuer, 'second');
});
after(async () => {
  await Promise.all([atFirst.close(), atSecond.close()]);
  time.release();
});

const clients = (): { clients: object[] } => {
  const scopes = ['openid', 'profile', 'offline_access'];
  return {
    clients: [
      createRegistration('first', secret, {
        scopes,
        post_logout_redirect_uris: [BYE],
        backchannel_logout_uri: atFirst.url,
      }),
      createRegistration('second', secret, {
        scopes,
        backchannel_logout_uri: atSecond.url,
        id_token_signed_response_alg: 'RS256',
      }),
      createRegistration('plain', secret, { scopes }),
    ],
  };
};

eachService('sign-out', clients, (running) => {
  let first: TestParty;
  let second: TestParty;
  let plain: TestParty;
  before(async () => {
    ({ issuer } = running());
    const party = (id: string): Promise<TestParty> => createParty(issuer, { id, scope: 'openid profile', secret });
    [first, second, plain] = [await party('first'), await party('second'), await party('plain')];
  });
  beforeEach(() => {
    for (const receiver of [atFirst, atSecond]) {
      receiver.received.length = 0;
      receiver.requestCount = 0;
      receiver.respondWith(undefined);
    }
  });

  const endUrl = (parameters: Record<string, string>): string =>
    `/session/end?${new URLSearchParams(parameters).toString()}`;
  const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> =>
    errorOf((await runAuthorization(first, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;
  const status = async (party: TestParty, { access_token: token }: Tokens): Promise<number> =>
    (await userinfo(party, token)).status;
  const hint = ({ id_token: idToken }: Tokens): string => String(idToken);

  it('by an app asks once, returns to the app, revokes all tokens and notifies all apps', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const again = await tokensFor(first, httpBrowser);
    const other = await tokensFor(second, httpBrowser);
    const code = await runAuthorization(second, httpBrowser);
    const parameters = { id_token_hint: hint(tokens), post_logout_redirect_uri: BYE, state: 'a b' };
    const asked = await httpBrowser.open(endUrl(parameters));
    assert.match(textOf(asked.body), /要登出嗎？.*林志豪.*測試 first.*測試 second/);
    assert.equal(await isAlive(httpBrowser), true, 'the question revokes nothing');
    const done = await httpBrowser.submit(asked, {});
    assert.equal(done.leavesTo?.href, `${BYE}?state=a+b`);
    assert.equal(await isAlive(httpBrowser), false);
    assert.deepEqual(
      [await status(first, tokens), await status(first, again), await status(second, other)],
      [401, 401, 401],
    );
    assert.equal((await redeem(second, code)).body['error'], 'invalid_grant');
    for (const [receiver, ended] of [
      [atFirst, tokens],
      [atSecond, other],
    ] as const) {
      const [notice] = await receiver.take(1);
      assert.equal(notice?.sid, idClaims(ended)['sid']);
      assert.equal(notice?.sub, idClaims(ended)['sub']);
      assert.equal(receiver.requestCount, 1, 'one notice for all tabs');
    }
  });

  it('on the page of the service lists exactly the notified apps', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    await tokensFor(plain, httpBrowser);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.match(textOf(done.body), /您已登出，並已通知：測試 first。/);
    assert.equal(done.body.includes('測試 plain'), false, 'it has no backchannel_logout_uri');
    const elsewhere = await createHttpBrowser(issuer).open('/session/end/success');
    assert.equal(elsewhere.body.includes('測試 first'), false, 'shown only in the browser that signed out');
    await atFirst.take(1);
  });

  it('keeps grants with offline_access and revokes the others', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.S1, parameters: OFFLINE });
    const bound = await tokensFor(first, httpBrowser);
    const elsewhere = await tokensFor(plain, httpBrowser);
    await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.deepEqual([await status(first, bound), await status(plain, elsewhere)], [401, 401]);
    const next = await refresh(first, tokens.refresh_token);
    assert.equal(next.status, 200);
    assert.equal((await userinfo(first, String(next.body['access_token']))).status, 200);
    await atFirst.take(1);
  });

  it('never redirects to an unregistered URI, but signs out', async () => {
    for (const address of ['https://evil.example/', `${BYE}/more`, `${BYE}?x=1`, 'javascript:alert(1)']) {
      const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const known = await httpBrowser.open(endUrl({ id_token_hint: hint(tokens), post_logout_redirect_uri: address }));
      assert.deepEqual([known.status, known.leavesTo], [200, undefined], address);
      const done = await httpBrowser.submit(known, {});
      assert.equal(done.leavesTo, undefined);
      assert.match(textOf(done.body), /您已登出/);
      assert.equal(await isAlive(httpBrowser), false, address);
      await atFirst.take(1);
    }
    const anonymous = await createHttpBrowser(issuer).open(
      endUrl({ post_logout_redirect_uri: 'https://evil.example/' }),
    );
    assert.equal(anonymous.leavesTo, undefined);
    assert.match(textOf(anonymous.body), /您已登出/);
  });

  it('rejects a forged hint and accepts an expired one of the service', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const [head, body] = hint(tokens).split('.');
    const forged = `${String(head)}.${String(body)}.${'A'.repeat(86)}`;
    for (const wrong of [forged, 'x', 'a.b.c']) {
      const asked = await httpBrowser.open(endUrl({ id_token_hint: wrong, post_logout_redirect_uri: BYE }));
      assert.match(textOf(asked.body), /要登出嗎？.*林志豪/, wrong);
      const other = await signInWithNewBrowser(plain, { login: LOGIN.T2 });
      const there = await other.httpBrowser.open(endUrl({ id_token_hint: wrong, post_logout_redirect_uri: BYE }));
      assert.equal((await other.httpBrowser.submit(there, {})).leavesTo, undefined, wrong);
      assert.equal(await isAlive(other.httpBrowser), false, wrong);
    }
    time.advance(3_600 * SECOND);
    const old = await httpBrowser.open(endUrl({ id_token_hint: hint(tokens), post_logout_redirect_uri: BYE }));
    assert.equal(old.status, 200);
    assert.equal((await httpBrowser.submit(old, {})).leavesTo?.href, BYE);
    await atFirst.take(1);
  });

  it('needs a click of the person: foreign or invalid forms revoke nothing and ask again', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const { hidden } = formOf((await httpBrowser.open('/session/end')).body);
    const good = hidden['request'] ?? '';
    for (const request of ['', 'x'.repeat(21), `${good}x`, good.slice(0, -1), good.replace('v1.', 'v2.')]) {
      const answer = await httpBrowser.post('/session/end/confirm', new URLSearchParams({ request, logout: 'yes' }));
      assert.match(textOf(answer.body), /要登出嗎？.*林志豪/, request);
    }
    const twice = await httpBrowser.post('/session/end/confirm', `request=${good}&request=${good}`);
    assert.match(textOf(twice.body), /要登出嗎？/);
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const refused = await httpBrowser.post('/session/end/confirm', new URLSearchParams({ request: good }), foreign);
    assert.equal(refused.status, 403);
    assert.equal(await isAlive(httpBrowser), true);
  });

  it('without a session reports success without a question', async () => {
    const httpBrowser = createHttpBrowser(issuer);
    const done = await httpBrowser.open('/session/end');
    assert.equal(done.status, 200);
    assert.match(textOf(done.body), /您已登出/);
  });

  it('does not wait for an unavailable app, which is notified later', async () => {
    atFirst.respondWith(503);
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    await tokensFor(second, httpBrowser);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.match(textOf(done.body), /您已登出/);
    await atSecond.take(1);
    await pollUntil('the first notice', () => atFirst.requestCount > 0);
    assert.equal(atFirst.received.length, 0);
    atFirst.respondWith(undefined);
    time.advance(5 * SECOND);
    const [notice] = await atFirst.take(1);
    assert.equal(notice?.sid, idClaims(tokens)['sid']);
  });

  it('is in the audit log', async () => {
    const { httpBrowser } = await signInWithNewBrowser(plain, { login: LOGIN.B1 });
    await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    const { id } = await getPersonFacts(running(), LOGIN.B1);
    const entries = await running().container.store.read((tx) => audit.listEntries(tx, 0, 10_000));
    const events = entries.filter(({ actorId, event }) => actorId === id && event === 'session.logged_out');
    assert.equal(events.length, 1);
  });

  it('is complete at every accepted spelling of its path, and other spellings revoke nothing', async () => {
    const { id } = await getPersonFacts(running(), LOGIN.T2);
    const written = async (): Promise<number> => {
      const entries = await running().container.store.read((tx) => audit.listEntries(tx, 0, 10_000));
      return entries.filter(({ actorId, event }) => actorId === id && event === 'session.logged_out').length;
    };
    const address = '/session/end/confirm';
    const taken = [`${address}/`, address.toUpperCase(), '/Session/end/Confirm/', `${address}?a=b`];
    const unknown = [`/${address}`, `${address}//`, '/session//end/confirm', '/session/end/./%63onfirm'];
    for (const spelling of [...taken, ...unknown]) {
      const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const otherTab = await tokensFor(first, httpBrowser);
      const before = await written();
      const { hidden } = formOf((await httpBrowser.open('/session/end')).body);
      const form = new URLSearchParams(hidden);
      const done = await httpBrowser.post(issuer + spelling, form);
      const seen = [
        done.status,
        await isAlive(httpBrowser),
        await status(first, tokens),
        await status(first, otherTab),
      ];
      const ended = taken.includes(spelling);
      assert.deepEqual(
        [...seen, await written()],
        ended ? [200, false, 401, 401, before + 1] : [404, true, 200, 200, before],
        spelling,
      );
      if (!ended) continue;
      assert.match(textOf(done.body), /已通知：測試 first/, spelling);
      assert.equal((await atFirst.take(1)).length, 1);
    }
  });

  it('revokes the session of the first person when another one signs in', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const begun = await runAuthorization(second, httpBrowser, { parameters: { prompt: 'login' } });
    assert.equal(interactionOf(begun.answer), 'login');
    const between = await httpBrowser.submit(begun.answer, { login: LOGIN.S1, password: DEMO_PASSWORD });
    const done = await continueBy(httpBrowser, between);
    assert.ok(codeOf(done));
    const mine = await begun.finish(done);
    assert.equal((await userinfo(second, mine.access_token)).body['name'], '王小安');
    assert.equal(await status(first, tokens), 401);
    const [notice] = await atFirst.take(1);
    assert.equal(notice?.sid, idClaims(tokens)['sid']);
    const now = await tokensFor(first, httpBrowser, { parameters: { prompt: 'none' } });
    assert.equal((await userinfo(first, now.access_token)).body['name'], '王小安');
    const account = await httpBrowser.open('/account');
    assert.equal(account.body.includes('林志豪'), false);
  });
});

describe('back-channel logout to a private address', () => {
  it('stays in the outbox unless the operator allows it (server-side request forgery)', async () => {
    const service = await startService({ ...clients(), env: { KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'false' } });
    ({ issuer } = service);
    atFirst.requestCount = 0;
    try {
      const first = await createParty(issuer, { id: 'first', scope: 'openid', secret });
      const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
      await pollUntil('it was tried and refused', async () => {
        const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.outbox));
        return rows.find(({ kind }) => kind === 'backchannel_logout')?.lastError ?? undefined;
      });
      assert.equal(atFirst.requestCount, 0);
    } finally {
      await service.stop();
    }
  });
});

/** Submits the form of an account switch, which a browser submits by script. */
function continueBy(httpBrowser: HttpBrowser, page: Answer): Promise<Answer> {
  assert.equal(page.leavesTo, undefined);
  return httpBrowser.submit(page, {});
}
