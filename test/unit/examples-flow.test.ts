/** Sign-in, sign-out and the portfolio, with a test issuer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { browser, childrenShown, post, useExampleApps } from './examples-apps.ts';
import type { Claims } from './examples-issuer.ts';

const apps = useExampleApps();

describe('portfolio', () => {
  it('sends PKCE, state and nonce, and shows the selected child', async () => {
    const page = await browser(apps().portfolio).signIn();
    assert.equal(page.path, '/c/ctx-child-a/');
    for (const name of ['code_challenge', 'state', 'nonce']) assert.ok(apps().issuer.asked[0]?.get(name));
    assert.match(page.html, /<body data-acting-role="parent">/);
    assert.deepEqual(childrenShown(page.html), ['王小安']);
    assert.ok(page.html.includes('課程學習成果') && page.html.includes('多元表現') && !page.html.includes('其他'));
    assert.ok(page.html.includes('&lt;b&gt;李美玲') && !page.html.includes('<b>李'));
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*form-action 'self' http:/);
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.doesNotMatch(page.html, /<script|style=/);
    assert.deepEqual(page.html.match(/<form[^>]*>/g), ['<form method="post" action="/sign-out">']);
  });
  it('separates two children in two tabs, and the teacher role from the own child', async () => {
    const { open, signIn } = browser(apps().portfolio);
    await signIn();
    assert.deepEqual(childrenShown((await open('/switch?child=child-b')).html), ['王小樂']);
    assert.deepEqual(childrenShown((await open('/c/ctx-child-a/')).html), ['王小安']);
    const teacher = await open('/switch?role=teacher&school=993302');
    assert.deepEqual(childrenShown(teacher.html), []);
    assert.match(teacher.html, /data-acting-role="teacher"/);
    assert.equal((await open('/c/ctx-teacher/drawers/course')).status, 403);
  });
  it('is read-only, and refuses the third drawer and contexts of others', async () => {
    const { open, signIn } = browser(apps().portfolio);
    await signIn();
    assert.equal((await open('/c/ctx-child-a/drawers/course', { method: 'POST' })).status, 405);
    assert.equal((await open('/c/ctx-child-a/drawers/other')).status, 403);
    assert.equal((await open('/c/ctx-child-a/files/other-1')).status, 403);
    assert.equal((await open('/c/ctx-child-a/files/course-99')).status, 404);
    assert.match((await open('/c/ctx-child-b/')).path, /^\/\?return=/);
  });
  it('shows a message when there is no child', async () => {
    apps().issuer.acting = undefined;
    const { html } = await browser(apps().portfolio).signIn();
    assert.ok(html.includes('目前沒有可在「學習歷程檔案」查看的學生資料。若您認為有誤，請洽學校。'));
    assert.deepEqual(childrenShown(html), []);
  });
  it('shows a link after a denial, a reused callback and a forged callback', async () => {
    const { open } = browser(apps().portfolio);
    apps().issuer.error = 'access_denied';
    const refused = await open('/sign-in');
    assert.equal(refused.status, 403);
    assert.match(refused.html, /href="\/sign-in/);
    for (const path of [refused.path, '/callback?code=x&state=y', '/callback']) {
      const again = await open(path);
      assert.equal(again.status, 409);
      assert.match(again.html, /href="\/sign-in/);
    }
  });
  it('reads UserInfo again after a minute, and drops a revoked permission', async () => {
    const { open, signIn } = browser(apps().portfolio);
    await signIn();
    apps().issuer.permissions = ['fees:read'];
    apps().skew = 61_000;
    assert.equal((await open('/c/ctx-child-a/drawers/course')).status, 403);
  });
  it('renews silently after a 401, and ends when the service needs interaction', async () => {
    const { open, signIn } = browser(apps().portfolio);
    await signIn();
    apps().skew = 301_000;
    const renewed = await open('/c/ctx-child-a/drawers/course');
    assert.equal(renewed.path, '/c/ctx-child-a/drawers/course');
    assert.equal(apps().issuer.asked.at(-1)?.get('prompt'), 'none');
    apps().skew = 362_000;
    apps().issuer.userInfoStatus = 401;
    apps().issuer.error = 'login_required';
    const ended = await open('/c/ctx-child-a/');
    assert.match(ended.html, /id="sign-in"/);
    assert.ok(ended.html.includes('您的登入已結束'));
    apps().issuer.userInfoStatus = 200;
    apps().skew = 0;
    assert.match((await open('/c/ctx-child-a/')).path, /^\/\?return=/);
  });
  it('ends at once on back-channel logout', async () => {
    const { open, signIn } = browser(apps().portfolio);
    await signIn();
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const logout_token = await apps().issuer.sign(
      { aud: 'portfolio', sub: 'p1', sid: 's1', jti: 'j1', events },
      'logout+jwt',
    );
    const response = await browser(apps().portfolio).open('/backchannel-logout', post({ logout_token }));
    assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'no-store']);
    const page = await open('/c/ctx-child-a/');
    assert.ok(page.html.includes('您的登入已結束') && page.html.includes('id="sign-in"'));
    const replayed = await browser(apps().portfolio).open('/backchannel-logout', post({ logout_token }));
    assert.equal(replayed.status, 400);
    assert.equal((JSON.parse(replayed.html) as Claims)['error'], 'invalid_request');
    assert.equal((await open('/backchannel-logout')).status, 405);
  });
  it('signs out here and at the service by its own form only', async () => {
    const { open, signIn } = browser(apps().portfolio);
    assert.deepEqual([(await open('/sign-out')).path, (await open('/sign-out', post({}))).path], ['/', '/']);
    await signIn();
    const asked = await open('/sign-out');
    assert.deepEqual([asked.status, asked.path], [200, '/sign-out']);
    assert.match(asked.html, /要登出嗎？[\s\S]*<form method="post" action="\/sign-out"><button class="button"/);
    for (const origin of ['null', 'http://localhost:1']) {
      const refused = await open('/sign-out', post({}, { origin }));
      assert.deepEqual([refused.status, refused.path], [403, '/sign-out']);
    }
    assert.equal((await open('/c/ctx-child-a/')).path, '/c/ctx-child-a/');
    const out = await open('/sign-out', post({}, { origin: apps().portfolio.config.baseUrl }));
    assert.match(out.path, /^\/end\?id_token_hint=.*post_logout_redirect_uri=/);
    const second = await open('/sign-out', post({}));
    assert.match(second.path, /^\/end\?post_logout_redirect_uri=(?!.*id_token_hint)/, 'a second click');
    assert.ok((await open('/')).html.includes('您已登出'));
  });
  it('switches the language by a cookie, sends ui_locales, and redirects to no other host', async () => {
    const { open } = browser(apps().portfolio);
    assert.equal((await open('/sign-in')).path, '/c/ctx-child-a/');
    assert.equal(apps().issuer.asked[0]?.get('ui_locales'), null);
    const english = await open('/language?to=en&back=/c/ctx-child-a/drawers/course');
    assert.equal(english.path, '/c/ctx-child-a/drawers/course');
    assert.match(english.html, /<html lang="en">[\s\S]*<strong data-child-name="王小安"><span lang="zh-TW">/);
    await open('/sign-in');
    assert.equal(apps().issuer.asked[1]?.get('ui_locales'), 'en');
    assert.match((await open('/sign-out', post({}))).path, /ui_locales=en/);
    for (const back of ['//other.example/', '/\\other.example', 'https://other.example/']) {
      const query = new URLSearchParams({ to: 'zh-TW', back });
      assert.equal((await open(`/language?${query.toString()}`)).path, '/');
    }
    assert.equal((await open('/language?to=fr')).status, 400);
  });
  it('uses English for Accept-Language: en', async () => {
    const { html } = await browser(apps().portfolio).open('/', { headers: { 'accept-language': 'en-GB,en;q=0.9' } });
    assert.match(html, /<html lang="en">[\s\S]*Learning Portfolio/);
  });
});
