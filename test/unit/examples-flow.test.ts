/** Both example applications with a test issuer. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createPayment } from '../../examples/payment/server.ts';
import { createPortfolio } from '../../examples/portfolio/server.ts';
import type { RelyingParty } from '../../examples/shared/app.ts';
import { listen, PERMISSIONS, startIssuer, type Claims, type Issuer } from './examples-issuer.ts';

let issuer: Issuer;
let portfolio: RelyingParty;
let payment: RelyingParty;
let skew = 0;

interface Init {
  method?: string;
  body?: URLSearchParams;
  headers?: Record<string, string>;
}
interface Page {
  status: number;
  path: string;
  html: string;
  headers: Headers;
}

/** A browser of one application: keeps its cookie and follows redirects through the issuer. */
function browser(party: RelyingParty) {
  let cookie = '';
  async function open(path: string, { headers = {}, ...init }: Init = {}): Promise<Page> {
    let url = new URL(path, party.config.baseUrl);
    let response = await fetch(url, { redirect: 'manual', ...init, headers: { ...headers, cookie } });
    for (let hops = 0; response.status === 303 && hops < 6; hops += 1) {
      url = new URL(response.headers.get('location') ?? '', url);
      if (url.pathname === '/end') break;
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
      response = await fetch(url, {
        redirect: 'manual',
        headers: url.origin === party.config.baseUrl ? { cookie } : {},
      });
    }
    return {
      status: response.status,
      path: url.pathname + url.search,
      html: await response.text(),
      headers: response.headers,
    };
  }
  const signIn = (): ReturnType<typeof open> => open('/sign-in');
  return { open, signIn };
}
const childrenShown = (html: string): string[] =>
  [...html.matchAll(/data-child-name="([^"]+)"/g)].map(([, name = '']) => name);
const post = (body: Record<string, string>, headers: Record<string, string> = {}): Init => ({
  method: 'POST',
  body: new URLSearchParams(body),
  headers,
});

const servers: Server[] = [];

/** Listens before it creates the application, so that no other program can take the port. */
async function serve(clientId: string, create: typeof createPortfolio): Promise<RelyingParty> {
  const server = createServer();
  servers.push(server);
  const port = await listen(server);
  const config = { issuer: issuer.url, clientId, clientSecret: 's', baseUrl: `http://localhost:${port}`, port };
  const party = await create(config, () => Date.now() + skew);
  server.on('request', party.handler);
  return party;
}

before(async () => {
  issuer = await startIssuer();
  servers.push(issuer.server);
  portfolio = await serve('portfolio', createPortfolio);
  payment = await serve('payment', createPayment);
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  skew = 0;
  Object.assign(issuer, { error: undefined, userInfoStatus: 200, authAge: 0, asked: [], permissions: PERMISSIONS });
  issuer.acting = { role: 'parent', child: 'child-a', ctx: 'ctx-child-a' };
});

describe('portfolio', () => {
  it('sends PKCE, state and nonce, and shows the selected child', async () => {
    const page = await browser(portfolio).signIn();
    assert.equal(page.path, '/c/ctx-child-a/');
    for (const name of ['code_challenge', 'state', 'nonce']) assert.ok(issuer.asked[0]?.get(name));
    assert.match(page.html, /<body data-acting-role="parent">/);
    assert.deepEqual(childrenShown(page.html), ['王小安']);
    assert.ok(page.html.includes('課程學習成果') && page.html.includes('多元表現') && !page.html.includes('其他'));
    assert.ok(page.html.includes('&lt;b&gt;李美玲') && !page.html.includes('<b>李'));
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*form-action 'none'/);
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.doesNotMatch(page.html, /<script|style=|<form/);
  });
  it('separates two children in two tabs, and the teacher role from the own child', async () => {
    const { open, signIn } = browser(portfolio);
    await signIn();
    assert.deepEqual(childrenShown((await open('/switch?child=child-b')).html), ['王小樂']);
    assert.deepEqual(childrenShown((await open('/c/ctx-child-a/')).html), ['王小安']);
    const teacher = await open('/switch?role=teacher&school=993302');
    assert.deepEqual(childrenShown(teacher.html), []);
    assert.match(teacher.html, /data-acting-role="teacher"/);
    assert.equal((await open('/c/ctx-teacher/drawers/course')).status, 403);
  });
  it('is read-only, and refuses the third drawer and contexts of others', async () => {
    const { open, signIn } = browser(portfolio);
    await signIn();
    assert.equal((await open('/c/ctx-child-a/drawers/course', { method: 'POST' })).status, 405);
    assert.equal((await open('/c/ctx-child-a/drawers/other')).status, 403);
    assert.equal((await open('/c/ctx-child-a/files/other-1')).status, 403);
    assert.equal((await open('/c/ctx-child-a/files/course-99')).status, 404);
    assert.match((await open('/c/ctx-child-b/')).path, /^\/\?return=/);
  });
  it('shows a message when there is no child', async () => {
    issuer.acting = undefined;
    const { html } = await browser(portfolio).signIn();
    assert.ok(html.includes('目前沒有可在「學習歷程檔案」查看的學生資料。若您認為有誤，請洽學校。'));
    assert.deepEqual(childrenShown(html), []);
  });
  it('shows a link after a denial, a reused callback and a forged callback', async () => {
    const { open } = browser(portfolio);
    issuer.error = 'access_denied';
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
    const { open, signIn } = browser(portfolio);
    await signIn();
    issuer.permissions = ['fees:read'];
    skew = 61_000;
    assert.equal((await open('/c/ctx-child-a/drawers/course')).status, 403);
  });
  it('renews silently after a 401, and ends when the service needs interaction', async () => {
    const { open, signIn } = browser(portfolio);
    await signIn();
    skew = 301_000;
    const renewed = await open('/c/ctx-child-a/drawers/course');
    assert.equal(renewed.path, '/c/ctx-child-a/drawers/course');
    assert.equal(issuer.asked.at(-1)?.get('prompt'), 'none');
    skew = 362_000;
    issuer.userInfoStatus = 401;
    issuer.error = 'login_required';
    const ended = await open('/c/ctx-child-a/');
    assert.match(ended.html, /id="sign-in"/);
    assert.ok(ended.html.includes('您的登入已結束'));
    issuer.userInfoStatus = 200;
    skew = 0;
    assert.match((await open('/c/ctx-child-a/')).path, /^\/\?return=/);
  });
  it('ends at once on back-channel logout', async () => {
    const { open, signIn } = browser(portfolio);
    await signIn();
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const logout_token = await issuer.sign({ aud: 'portfolio', sub: 'p1', sid: 's1', jti: 'j1', events }, 'logout+jwt');
    const response = await browser(portfolio).open('/backchannel-logout', post({ logout_token }));
    assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'no-store']);
    const page = await open('/c/ctx-child-a/');
    assert.ok(page.html.includes('您的登入已結束') && page.html.includes('id="sign-in"'));
    const replayed = await browser(portfolio).open('/backchannel-logout', post({ logout_token }));
    assert.equal(replayed.status, 400);
    assert.equal((JSON.parse(replayed.html) as Claims)['error'], 'invalid_request');
    assert.equal((await open('/backchannel-logout')).status, 405);
  });
  it('signs out here and at the service, but not for a cross-site request', async () => {
    const { open, signIn } = browser(portfolio);
    await signIn();
    await open('/sign-out', { headers: { 'Sec-Fetch-Site': 'cross-site' } });
    assert.equal((await open('/c/ctx-child-a/')).path, '/c/ctx-child-a/');
    const out = await open('/sign-out');
    assert.match(out.path, /^\/end\?id_token_hint=.*post_logout_redirect_uri=/);
    assert.ok((await open('/')).html.includes('您已登出'));
  });
  it('uses English for Accept-Language: en', async () => {
    const { html } = await browser(portfolio).open('/', { headers: { 'accept-language': 'en-GB,en;q=0.9' } });
    assert.match(html, /<html lang="en">[\s\S]*Learning Portfolio/);
  });
});

describe('payment', () => {
  /** Opens the bill of a child. Each test uses another child, because a paid bill stays paid. */
  async function openBill(child: string) {
    issuer.acting = { role: 'parent', child, ctx: `ctx-${child}` };
    const tab = browser(payment);
    const list = await tab.signIn();
    const path = /\/c\/ctx-child-\w\/bills\/\w+/.exec(list.html)?.[0] ?? '';
    const bill = await tab.open(path);
    return { tab, path, bill, csrf: /name="csrf" value="([^"]+)"/.exec(bill.html)?.[1] ?? '' };
  }
  it('pays once, for both guardians', async () => {
    const { tab, path, csrf, bill } = await openBill('child-a');
    assert.match(bill.html, /data-bill-state="unpaid"/);
    const pages = await Promise.all([tab.open(path, post({ csrf })), tab.open(path, post({ csrf }))]);
    const receipts = pages.map(({ html }) => /R\d{8}/.exec(html)?.[0]);
    assert.ok(receipts[0] && receipts[0] === receipts[1]);
    const other = browser(payment);
    await other.signIn();
    assert.match((await other.open(path)).html, /data-bill-state="paid"/);
  });
  it('requires a recent sign-in and then a confirmation', async () => {
    issuer.authAge = 400;
    const { tab, path, csrf } = await openBill('child-b');
    issuer.authAge = 0;
    const back = await tab.open(path, post({ csrf }));
    assert.equal(issuer.asked.at(-1)?.get('max_age'), '300');
    assert.match(issuer.asked.at(-1)?.get('claims') ?? '', /child-b/);
    assert.equal(back.path, `${path}?confirm=1`);
    assert.ok(back.html.includes('再按一次確認繳費') && back.html.includes('data-bill-state="unpaid"'));
    assert.match((await tab.open(path, post({ csrf }))).html, /data-bill-state="paid"/);
  });
  it('refuses a cross-site form', async () => {
    const { tab, path, csrf } = await openBill('child-c');
    const attempts = [post({}), post({ csrf: 'x' }), post({ csrf }, { origin: 'https://elsewhere.example' })];
    for (const attempt of attempts) assert.equal((await tab.open(path, attempt)).status, 403);
    assert.match((await tab.open(path)).html, /data-bill-state="unpaid"/);
  });
  it('shows bills without fees:pay and explains the missing button', async () => {
    issuer.permissions = ['fees:read'];
    const { tab, path, bill } = await openBill('child-d');
    assert.ok(bill.html.includes('繳費不在您的權限內') && !bill.html.includes('<form'));
    assert.equal((await tab.open(path, post({ csrf: 'x' }))).status, 403);
  });
});
