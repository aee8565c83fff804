/** The sign-out pages: several tabs, sessions that ended elsewhere, and correct statements about the sign-out. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import * as auditStore from '../../src/store/audit.ts';
import {
  runAuthorization,
  errorOf,
  LOGIN,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { createParty, newSecret, createRegistration, type TestParty, type Tokens } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const BYE = 'https://first.example/bye';
const AT_SECOND = { post_logout_redirect_uri: 'https://second.example/bye' };
const ASKED = /要登出嗎？/;
const SIGNED_OUT = /您已登出/;
let issuer = '';
let atFirst: LogoutReceiver;
let atSecond: LogoutReceiver;

before(async () => {
  atFirst = await startLogoutReceiver(() => issuer, 'first');
  atSecond = await startLogoutReceiver(() => issuer, 'second');
});
after(() => Promise.all([atFirst.close(), atSecond.close()]));

const options = (): { clients: object[] } => {
  const scopes = ['openid', 'profile'];
  return {
    clients: [
      createRegistration('first', secret, {
        scopes,
        post_logout_redirect_uris: [BYE],
        backchannel_logout_uri: atFirst.url,
      }),
      createRegistration('second', secret, {
        scopes,
        post_logout_redirect_uris: [AT_SECOND.post_logout_redirect_uri],
        backchannel_logout_uri: atSecond.url,
      }),
    ],
  };
};

const endUrl = (parameters: Record<string, string> | [string, string][]): string =>
  `/session/end?${new URLSearchParams(parameters).toString()}`;
const hint = ({ id_token: idToken }: Tokens): string => String(idToken);
/** Returns the target of the language link. */
const otherLanguage = (page: Answer): string =>
  (/href="(\/language\?to=en[^"]*)"/.exec(page.body)?.[1] ?? '').replaceAll('&amp;', '&');

eachService('the sign-out page', options, (running) => {
  let first: TestParty;
  let second: TestParty;
  before(async () => {
    ({ issuer } = running());
    const party = (id: string): Promise<TestParty> => createParty(issuer, { id, scope: 'openid profile', secret });
    [first, second] = [await party('first'), await party('second')];
  });
  beforeEach(() => {
    for (const receiver of [atFirst, atSecond]) receiver.respondWith(undefined);
  });

  const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> =>
    errorOf((await runAuthorization(first, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;
  const signOutsOf = async (login: string): Promise<number> => {
    const { id } = await getPersonFacts(running(), login);
    const entries = await running().container.store.read((tx) => auditStore.listEntries(tx, 0, 10_000));
    return entries.filter(({ actorId, event }) => actorId === id && event === 'session.logged_out').length;
  };
  it('signs out in each of several tabs, and redirects each to its own address', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    await tokensFor(second, httpBrowser);
    const [before, service] = [await signOutsOf(LOGIN.T2), await httpBrowser.open('/session/end')];
    const [one, two] = [
      await httpBrowser.open(endUrl({ client_id: 'first', post_logout_redirect_uri: BYE, state: '1' })),
      await httpBrowser.open(endUrl({ client_id: 'second', ...AT_SECOND })),
    ];
    assert.equal((await httpBrowser.submit(one, {})).leavesTo?.href, `${BYE}?state=1`);
    assert.equal((await httpBrowser.submit(two, {})).leavesTo?.href, 'https://second.example/bye');
    assert.match(textOf((await httpBrowser.submit(service, {})).body), SIGNED_OUT);
    assert.match(textOf((await httpBrowser.submit(service, {})).body), SIGNED_OUT, 'submitted twice');
    assert.equal(await isAlive(httpBrowser), false);
    assert.equal(await signOutsOf(LOGIN.T2), before + 1);
  });

  it('offers to stay signed in at the app that asked, otherwise at the account page', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const stayUrl = (page: Answer): string | undefined =>
      /class="secondary-link"><a href="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&');
    const asked = await httpBrowser.open(endUrl({ client_id: 'first', post_logout_redirect_uri: BYE }));
    assert.equal(stayUrl(asked), 'https://first.example/');
    const english = await httpBrowser.open(otherLanguage(asked));
    assert.match(textOf(english.body), /Do you want to sign out\?/);
    assert.equal(stayUrl(english), 'https://first.example/', 'the language link keeps it');
    const elsewhere = { post_logout_redirect_uri: 'https://other.example/' };
    for (const query of [{}, elsewhere, { client_id: 'first', ...elsewhere }, { client_id: 'first', ...AT_SECOND }]) {
      assert.equal(stayUrl(await httpBrowser.open(endUrl(query))), '/account');
    }
    await httpBrowser.open('/language?to=zh-TW&back=/account');
  });

  it('revokes a session once when two tabs submit at the same moment', async () => {
    const jobs = async (): Promise<number> =>
      (await running().container.store.read((tx) => tx.db.select({ id: tx.tables.outbox.id }).from(tx.tables.outbox)))
        .length;
    for (let round = 0; round < 5; round += 1) {
      const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const [before, enqueued] = [await signOutsOf(LOGIN.T2), await jobs()];
      const pages = [await httpBrowser.open('/session/end'), await httpBrowser.open('/session/end')];
      const done = await Promise.all(
        pages.flatMap((page) => [httpBrowser.submit(page, {}), httpBrowser.submit(page, {})]),
      );
      for (const { body } of done) assert.match(textOf(body), SIGNED_OUT);
      assert.equal(await signOutsOf(LOGIN.T2), before + 1);
      assert.equal(await jobs(), enqueued + 1, 'one logout notice');
    }
  });

  it('says "signed out" when the session has ended elsewhere', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.S1 });
    const asked = await httpBrowser.open(endUrl({ client_id: 'first', post_logout_redirect_uri: BYE }));
    const plain = await httpBrowser.open('/session/end');
    const other = (await signInWithNewBrowser(first, { login: LOGIN.S1 })).httpBrowser;
    const account = await other.open('/account');
    assert.match(account.body, /action="\/account\/sessions\/revoke-others"/);
    await other.post('/account/sessions/revoke-others', '');
    assert.match(textOf((await httpBrowser.submit(plain, {})).body), SIGNED_OUT);
    assert.equal((await httpBrowser.submit(asked, {})).leavesTo?.href, BYE);
    assert.equal(await isAlive(other), true, 'the other session is still active');
  });

  it('asks again and revokes nothing when a newer session exists', async () => {
    for (const login of [LOGIN.T2, LOGIN.S1]) {
      const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const stale = await httpBrowser.open(endUrl({ client_id: 'first', post_logout_redirect_uri: BYE, state: 's' }));
      await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
      await runAuthorization(first, httpBrowser, { login });
      const again = await httpBrowser.submit(stale, {});
      assert.match(textOf(again.body), login === LOGIN.S1 ? /登入狀態已變更.*王小安/ : /登入狀態已變更.*林志豪/);
      assert.equal(await isAlive(httpBrowser), true);
      const done = await httpBrowser.submit(again, {});
      assert.equal(done.leavesTo?.href, `${BYE}?state=s`);
      assert.equal(await isAlive(httpBrowser), false);
    }
  });

  it('rejects the form of another person’s session', async () => {
    const attacker = (await signInWithNewBrowser(first, { login: LOGIN.S1 })).httpBrowser;
    const theirs = await attacker.open('/session/end');
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    assert.match(textOf((await httpBrowser.submit(theirs, {})).body), ASKED);
    assert.equal(await isAlive(httpBrowser), true);
    assert.equal(await isAlive(attacker), true);
  });

  it('keeps the request at a language switch, also after a refused request', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const good = { id_token_hint: hint(tokens), post_logout_redirect_uri: BYE, state: 's' };
    const refused = await httpBrowser.open(endUrl({ ...good, id_token_hint: 'x' }));
    const english = await httpBrowser.open(otherLanguage(refused));
    assert.match(textOf(english.body), /Do you want to sign out\?/);
    const chinese = await httpBrowser.open(endUrl({ ...good, ui_locales: 'zh-TW' }));
    assert.equal(
      otherLanguage(chinese).includes(hint(tokens).slice(0, 20)),
      false,
      'the link does not contain the ID token',
    );
    const switched = await httpBrowser.open(otherLanguage(chinese));
    assert.match(textOf(switched.body), /Do you want to sign out\?.*Signed in as/);
    assert.equal((await httpBrowser.submit(switched, {})).leavesTo?.href, `${BYE}?state=s`);
  });

  it('does not claim a sign-out on the success page while a session is active', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const page = await httpBrowser.open('/session/end/success');
    assert.doesNotMatch(textOf(page.body), SIGNED_OUT);
    assert.match(textOf(page.body), /要登出嗎？.*林志豪/);
    assert.equal(await isAlive(httpBrowser), true);
    const signedOut = await createHttpBrowser(issuer).open('/session/end/success?client_id=first');
    assert.match(textOf(signedOut.body), /您已登出。/);
  });

  it('lists the notified apps, and the others as being notified', async () => {
    atSecond.respondWith(503);
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    await tokensFor(second, httpBrowser);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.match(textOf(done.body), /您已登出，並已通知：測試 first。.*正在通知：測試 second。/);
    atFirst.respondWith(503);
    const other = (await signInWithNewBrowser(first, { login: LOGIN.T2 })).httpBrowser;
    const page = await other.submit(await other.open('/session/end'), {}, { 'accept-language': 'en' });
    assert.match(textOf(page.body), /您已登出。.*正在通知：測試 first。/);
    assert.doesNotMatch(textOf(page.body), /並已通知/);
  });

  it('lists the same apps after a reload, and none of an earlier sign-out', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.match(textOf(done.body), /您已登出，並已通知：測試 first。/);
    const again = await httpBrowser.open(done.url);
    assert.match(textOf(again.body), /您已登出，並已通知：測試 first。/);
    assert.match(textOf((await httpBrowser.open(otherLanguage(again))).body), /These apps were notified: Test first\./);
    await httpBrowser.open('/language?to=zh-TW&back=/session/end/success');
    await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.T2, password: DEMO_PASSWORD });
    const quiet = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    for (const page of [quiet, await httpBrowser.open(quiet.url)]) {
      assert.equal(page.status, 200);
      assert.match(textOf(page.body), /您已登出。/);
      assert.doesNotMatch(textOf(page.body), /測試 first/);
    }
  });

  it('shows no apps when its cookie is missing or was changed', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    for (const value of ['', 'x', undefined]) {
      const headers = {
        accept: 'text/html',
        ...(value === undefined ? {} : { cookie: `kinpass_logout_notices=${value}` }),
      };
      const answer = await fetch(done.url, { headers });
      assert.equal(answer.status, 200);
      assert.match(textOf(await answer.text()), /您已登出。/);
    }
  });

  it('changes nothing and says "still signed in" when the database fails', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const asked = await httpBrowser.open(endUrl({ client_id: 'first', post_logout_redirect_uri: BYE }));
    const before = await signOutsOf(LOGIN.T2);
    const { store } = running().container;
    for (const table of ['outbox', 'audit']) {
      await store.runExclusively((run) => run(`alter table ${table} rename to ${table}_away`));
      const failed = await httpBrowser.submit(asked, {});
      await store.runExclusively((run) => run(`alter table ${table}_away rename to ${table}`));
      assert.equal(failed.status, 500);
      assert.match(textOf(failed.body), /登出未完成.*您仍在登入狀態/);
      assert.deepEqual(failed.headers.getSetCookie(), []);
      assert.equal(failed.headers.get('clear-site-data'), null);
      assert.match(textOf((await httpBrowser.open(otherLanguage(failed))).body), /Do you want to sign out\?/);
      await httpBrowser.open('/language?to=zh-TW&back=/account');
      assert.equal(await isAlive(httpBrowser), true, table);
      assert.equal((await userinfo(first, tokens.access_token)).status, 200);
    }
    assert.equal(await signOutsOf(LOGIN.T2), before);
    assert.equal((await httpBrowser.submit(asked, {})).leavesTo?.href, BYE);
    assert.equal(await isAlive(httpBrowser), false);
  });

  it('clears the session cookie, and keeps the language', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    await httpBrowser.open('/language?to=zh-TW&back=/account');
    await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    const names = (await httpBrowser.jar.getCookies(issuer)).map(({ key }) => key);
    assert.equal(
      names.some((name) => name.startsWith('kinpass_session')),
      false,
      names.join(),
    );
    assert.ok(names.includes('kinpass_lang'));
    assert.match(textOf((await httpBrowser.open('/account')).body), /登入/);
  });

  it('revokes sign-ins in progress of the same browser', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const begun = await runAuthorization(second, httpBrowser, { parameters: { prompt: 'login' } });
    assert.equal(interactionOf(begun.answer), 'login');
    const between = await httpBrowser.submit(begun.answer, { login: LOGIN.S1, password: DEMO_PASSWORD });
    assert.match(textOf(between.body), /以其他使用者登入/);
    await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.equal((await httpBrowser.submit(between, {})).status, 410);
    assert.equal(await isAlive(httpBrowser), false);
  });
});
