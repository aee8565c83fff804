/** Revocations on the account page take effect at once on pages and protocol endpoints. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import * as audit from '../../src/store/audit.ts';
import {
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
import { createHttpBrowser, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { createParty, newSecret, createRegistration, type TestParty, type Tokens } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

const clients = (): { clients: object[] } => ({
  clients: [
    createRegistration('app', secret, {
      scopes: ['openid', 'profile', 'offline_access'],
      backchannel_logout_uri: receiver.url,
    }),
    createRegistration('second', secret, { scopes: ['openid', 'profile', 'offline_access'] }),
    createRegistration('portfolio', secret, {
      scopes: ['openid', 'children'],
      school_types: ['senior_high'],
      permissions: ['portfolio:read'],
      client_uri: 'https://portfolio.example/',
      first_party: true,
    }),
  ],
});

eachService('the account page', clients, (running) => {
  let app: TestParty;
  let second: TestParty;
  before(async () => {
    issuer = running().issuer;
    app = await createParty(issuer, { id: 'app', scope: 'openid profile', secret });
    second = await createParty(issuer, { id: 'second', scope: 'openid profile', secret });
  });
  beforeEach(() => {
    receiver.received.length = 0;
  });

  const isSignedIn = async (httpBrowser: HttpBrowser): Promise<boolean> => {
    const { answer } = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } });
    const alive = errorOf(answer) === undefined;
    const account = await httpBrowser.open('/account');
    assert.equal(interactionOf(account) === undefined, alive, 'the account page and the authorization endpoint agree');
    return alive;
  };
  const reads = async (tokens: Tokens, party = app): Promise<boolean> =>
    (await userinfo(party, tokens.access_token)).status === 200;
  /** Lists the sessions that the page can revoke. */
  const others = ({ body }: Answer): string[] =>
    [...body.matchAll(/name="session" value="([^"]+)"/g)].map(([, value = '']) => value);
  const eventsOf = async (login: string): Promise<string[]> => {
    const { id } = await getPersonFacts(running(), login);
    const entries = await running().container.store.read((tx) => audit.listEntries(tx, 0, 10_000));
    return entries.filter(({ subjectId }) => subjectId === id).map(({ event }) => event);
  };

  it('lists the sessions of this person, marks this one, and lists the apps with access', async () => {
    const here = await signInWithNewBrowser(app, { login: LOGIN.A1 });
    await signInWithNewBrowser(second, { login: LOGIN.A1 });
    await signInWithNewBrowser(app, { login: LOGIN.A2 });
    const page = await here.httpBrowser.open('/account');
    assert.equal(others(page).length, 1);
    assert.equal(page.body.split('目前使用的裝置</span>').length - 1, 1, 'one is marked as this device');
    assert.match(textOf(page.body), /測試 app .*確認您已登入/);
    assert.match(textOf(page.body), /測試 second/);
    assert.doesNotMatch(textOf(page.body), /目錄服務/, 'the directory is off');
    assert.equal(page.body.includes('許雅文'), false);
  });

  it('shows logins, children with their classes, and devices by name', async () => {
    const phone = createHttpBrowser(issuer, 'zh-TW', {
      'user-agent':
        'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
    });
    const unknown = createHttpBrowser(issuer, 'zh-TW', { 'user-agent': 'unknown' });
    for (const browser of [unknown, phone]) {
      await browser.submit(await browser.open('/account'), { login: LOGIN.G2, password: DEMO_PASSWORD });
    }
    const text = textOf((await phone.open('/account')).body);
    assert.match(text, /手機號碼 0900000102 電子郵件地址 meiling\.li@parents\.example /);
    assert.match(text, /王小安 示範高中 高二3班 .* 王小樂 示範國小 五年1班 /);
    assert.match(text, / Pixel 上的 Chrome 目前使用的裝置 /);
    assert.match(text, / 不明的裝置 登入時間 /);
    const english = textOf((await phone.open('/language?to=en&back=%2Faccount')).body);
    assert.match(english, /Grade 11, Class 3 .* Grade 5, Class 1 /);
  });

  it('says why an app does not list a child, and lists apps that are not used yet', async () => {
    const accountOf = async (login: string): Promise<string> => {
      const browser = createHttpBrowser(issuer);
      return textOf((await browser.submit(await browser.open('/account'), { login, password: DEMO_PASSWORD })).body);
    };
    const parent = await accountOf(LOGIN.G2);
    assert.match(parent, /王小樂就讀國小，沒有測試 portfolio。/);
    assert.doesNotMatch(parent, /王小安就讀/);
    assert.match(parent, /您也可以使用 .*測試 portfolio 開啟/);
    const suspended = await accountOf(LOGIN.G3);
    assert.doesNotMatch(suspended, /portfolio/, 'no reason and no offer for a suspended guardian');
  });

  it('revokes another session with its codes and access tokens, and notifies the app', async () => {
    const [here, lost] = [
      await signInWithNewBrowser(app, { login: LOGIN.T2 }),
      await signInWithNewBrowser(app, { login: LOGIN.T2 }),
    ];
    const offline = await tokensFor(app, lost.httpBrowser, { parameters: OFFLINE });
    const code = await runAuthorization(app, lost.httpBrowser);
    const page = await here.httpBrowser.open('/account');
    const [target = ''] = others(page);
    const done = await here.httpBrowser.post('/account/sessions/revoke', new URLSearchParams({ session: target }));
    assert.match(noticeOf(done.body), /該裝置已登出：\S/);
    assert.equal(await reads(lost.tokens), false);
    assert.equal((await redeem(app, code)).body['error'], 'invalid_grant');
    assert.equal(await isSignedIn(lost.httpBrowser), false);
    assert.equal(await isSignedIn(here.httpBrowser), true);
    assert.equal(await reads(here.tokens), true);
    const [token] = await receiver.take(1);
    assert.equal(token?.sid, idClaims(lost.tokens)['sid']);
    assert.ok((await eventsOf(LOGIN.T2)).includes('session.revoked'));
    assert.equal(
      (await refresh(app, offline.refresh_token)).status,
      200,
      'offline_access is ended as an app, not here',
    );
  });

  it('does not revoke sessions of other people, and accepts a repeated submission', async () => {
    const mine = await signInWithNewBrowser(app, { login: LOGIN.B1 });
    const first = await signInWithNewBrowser(app, { login: LOGIN.S1 });
    const victim = await signInWithNewBrowser(app, { login: LOGIN.S1 });
    const [target = ''] = others(await first.httpBrowser.open('/account'));
    const fields = new URLSearchParams({ session: target });
    assert.equal((await mine.httpBrowser.post('/account/sessions/revoke', fields)).status, 200);
    assert.equal(await isSignedIn(victim.httpBrowser), true);
    await first.httpBrowser.post('/account/sessions/revoke', fields);
    const again = await first.httpBrowser.post('/account/sessions/revoke', fields);
    assert.equal(again.status, 200);
    assert.equal(await isSignedIn(victim.httpBrowser), false);
    for (const nonsense of ['', 'x', '../x']) {
      const answer = await mine.httpBrowser.post(
        '/account/sessions/revoke',
        new URLSearchParams({ session: nonsense }),
      );
      assert.equal(answer.status, 200);
    }
    assert.equal(await isSignedIn(mine.httpBrowser), true);
  });

  it('revokes all other sessions at once', async () => {
    const here = await signInWithNewBrowser(app, { login: LOGIN.A2 });
    const away = [
      await signInWithNewBrowser(app, { login: LOGIN.A2 }),
      await signInWithNewBrowser(second, { login: LOGIN.A2 }),
    ];
    const done = await here.httpBrowser.post('/account/sessions/revoke-others', '');
    assert.match(noticeOf(done.body), /其他裝置都已登出：\S/);
    assert.deepEqual(others(done), []);
    for (const { httpBrowser } of away) assert.equal(await isSignedIn(httpBrowser), false);
    assert.equal(await isSignedIn(here.httpBrowser), true);
    assert.equal(await reads(here.tokens), true);
  });

  it('revokes the access of one app in all sessions and notifies it; other apps keep theirs', async () => {
    const [phone, tablet] = [
      await signInWithNewBrowser(app, { login: LOGIN.G5, parameters: OFFLINE }),
      await signInWithNewBrowser(app, { login: LOGIN.G5 }),
    ];
    const kept = await tokensFor(second, phone.httpBrowser, { parameters: OFFLINE });
    const done = await phone.httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'app' }));
    assert.match(noticeOf(done.body), /已取消該應用程式的存取權：測試 app。.*重新使用/);
    assert.equal(await reads(phone.tokens), false);
    assert.equal(await reads(tablet.tokens), false);
    assert.equal((await refresh(app, phone.tokens.refresh_token)).body['error'], 'invalid_grant');
    const notices = await receiver.take(2);
    const sids = [phone, tablet].map(({ tokens }) => idClaims(tokens)['sid']);
    assert.deepEqual(notices.map(({ sid }) => sid).sort(), sids.sort());
    assert.equal(await reads(kept, second), true);
    assert.equal((await refresh(second, kept.refresh_token)).status, 200);
    assert.equal(done.body.includes('name="app" value="app"'), false, 'no access to remove');
    assert.match(textOf(done.body), /您也可以使用 測試 app 開啟/);
  });

  it('shows a notice once, in its own session only, and none that a link names', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const other = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const { origin } = new URL(issuer);
    const response = await fetch(`${issuer}/account/sessions/revoke`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, 'sec-fetch-site': 'same-origin', cookie: await httpBrowser.jar.getCookieString(issuer) },
      body: new URLSearchParams({ session: 'none' }),
    });
    assert.equal(response.headers.get('location'), '/account');
    const cookie = response.headers.getSetCookie().find((one) => one.startsWith('kinpass_notice=')) ?? '';
    await other.httpBrowser.jar.setCookie(cookie, issuer);
    assert.equal(noticeOf((await other.httpBrowser.open('/account')).body), '', 'of another session');
    await httpBrowser.jar.setCookie(cookie, issuer);
    assert.equal(noticeOf((await httpBrowser.open('/account/contacts')).body), '', 'of another page');
    assert.match(noticeOf((await httpBrowser.open('/account')).body), /該裝置已登出/);
    const links = ['/account', '/account?done=passwordChanged', '/account/callback?state=%2Faccount%23confirmed'];
    for (const link of links) assert.equal(noticeOf((await httpBrowser.open(link)).body), '', link);
  });

  it('changes the password: revokes all other sessions and all refresh tokens', async () => {
    const next = '今天的熱可可比昨天甜一點 27';
    const [here, attacker] = [
      await signInWithNewBrowser(app, { login: LOGIN.T1 }),
      await signInWithNewBrowser(app, { login: LOGIN.T1 }),
    ];
    const own = await tokensFor(second, here.httpBrowser, { parameters: OFFLINE });
    const stolen = await tokensFor(second, attacker.httpBrowser, { parameters: OFFLINE });
    const page = await here.httpBrowser.open('/account/password');
    const wrong = { current_password: 'not that one', new_password: next, confirm_password: next };
    assert.equal((await here.httpBrowser.submit(page, wrong)).status, 422);
    assert.equal(await isSignedIn(attacker.httpBrowser), true, 'a wrong old password changes nothing');
    const done = await here.httpBrowser.submit(page, { ...wrong, current_password: DEMO_PASSWORD });
    assert.match(textOf(done.body), /密碼已變更，其他裝置都已登出/);
    assert.equal(await isSignedIn(attacker.httpBrowser), false);
    assert.equal(await reads(attacker.tokens), false);
    assert.equal((await refresh(second, stolen.refresh_token)).body['error'], 'invalid_grant');
    assert.equal((await refresh(second, own.refresh_token)).body['error'], 'invalid_grant');
    assert.equal(await isSignedIn(here.httpBrowser), true);
    assert.equal(await reads(here.tokens), true);
    const [token] = await receiver.take(1);
    assert.equal(token?.sid, idClaims(attacker.tokens)['sid']);
    const old = await runAuthorization(app, createHttpBrowser(issuer), { login: LOGIN.T1 });
    assert.equal(old.answer.status, 422);
    const fresh = await signInWithNewBrowser(app, { login: LOGIN.T1, password: next });
    assert.equal(await reads(fresh.tokens), true);
  });

  it('redirects unauthenticated requests to sign-in, including its forms', async () => {
    for (const path of ['/account', '/account/password']) {
      const browser = createHttpBrowser(issuer);
      const page = await browser.open(path);
      assert.equal(interactionOf(page), 'login', path);
      const { url } = await browser.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.equal(new URL(url).pathname, path);
    }
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.S1 });
    for (const path of [
      '/account/password',
      '/account/sessions/revoke',
      '/account/sessions/revoke-others',
      '/account/apps/revoke',
    ]) {
      const answer = await createHttpBrowser(issuer).post(path, new URLSearchParams({ session: 'x', app: 'app' }));
      assert.equal(interactionOf(answer), 'login', path);
    }
    assert.equal(await isSignedIn(httpBrowser), true);
  });
});
