/** An expired interaction links to the app, and only to its registered URLs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, LOGIN, signInWithNewBrowser, interactionOf } from '../helpers/authorization-flow.ts';
import { freezeTime, HOUR, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile'];
const COOKIE = 'kinpass_app';

/** Returns the links of a page. */
function linksOf({ body }: Answer): { text: string; href: string }[] {
  const main = body.slice(body.indexOf('<main'), body.indexOf('</main'));
  return [...main.matchAll(/<a [^>]*href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g)].map(([, href = '', text = '']) => ({
    text: textOf(text).trim(),
    href: href.replaceAll('&amp;', '&'),
  }));
}

describe('an expired interaction', () => {
  let service: TestService;
  let time: FrozenTime;
  let starting: TestParty;
  let plain: TestParty;
  let bare: TestParty;
  before(async () => {
    time = freezeTime();
    const bareClient = Object.entries(createRegistration('bare', secret, { scopes: SCOPES }));
    service = await startService({
      clients: [
        createRegistration('starting', secret, {
          scopes: SCOPES,
          initiate_login_uri: 'https://starting.example/login?from=city',
        }),
        createRegistration('plain', secret, { scopes: SCOPES }),
        Object.fromEntries(bareClient.filter(([name]) => name !== 'client_uri')),
      ],
    });
    const party = (id: string): Promise<TestParty> =>
      createParty(service.issuer, { id, secret, scope: SCOPES.join(' ') });
    [starting, plain, bare] = [await party('starting'), await party('plain'), await party('bare')];
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  const home = { text: '前往我的帳號', href: '/account' };
  const begin = async (party: TestParty): Promise<{ httpBrowser: HttpBrowser; page: Answer }> => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open((await party.begin()).url);
    assert.equal(interactionOf(page), 'login');
    return { httpBrowser, page };
  };
  const isOver = (answer: Answer): Answer => {
    assert.equal(answer.status, 410);
    assert.match(textOf(answer.body), /這個步驟已過期/);
    return answer;
  };
  const startOf = (): string =>
    `https://starting.example/login?${new URLSearchParams({ from: 'city', iss: service.issuer }).toString()}`;

  it('links to a new sign-in at the app after one hour', async () => {
    const { httpBrowser, page } = await begin(starting);
    time.advance(HOUR + MINUTE);
    const answer = isOver(await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD }));
    assert.deepEqual(linksOf(answer), [{ text: '返回「測試 starting」', href: startOf() }, home]);
    const english = await httpBrowser.open(page.url, { 'accept-language': 'en' });
    assert.equal(linksOf(english)[0]?.text, 'Back to Test starting');
  });

  it('links to the start page of an app without initiate_login_uri, or else to the account', async () => {
    for (const [party, links] of [
      [plain, [{ text: '返回「測試 plain」', href: 'https://plain.example/' }, home]],
      [bare, [home]],
    ] as const) {
      const { httpBrowser, page } = await begin(party);
      await httpBrowser.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.deepEqual(linksOf(isOver(await httpBrowser.open(page.url))), links);
    }
  });

  it('links only to the account page after a sign-in for the account page', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open('/account');
    time.advance(HOUR + MINUTE);
    assert.deepEqual(linksOf(isOver(await httpBrowser.submit(page, { login: LOGIN.S1, password: 'x' }))), [home]);
  });

  it('keeps two tabs apart', async () => {
    const { httpBrowser, page } = await begin(starting);
    const other = await httpBrowser.open((await plain.begin()).url);
    time.advance(HOUR + MINUTE);
    assert.equal(linksOf(isOver(await httpBrowser.open(page.url)))[0]?.href, startOf());
    assert.equal(linksOf(isOver(await httpBrowser.open(other.url)))[0]?.href, 'https://plain.example/');
  });

  it('stores the app for twelve hours in a signed HttpOnly cookie of its own path', async () => {
    const { httpBrowser, page } = await begin(starting);
    const { pathname } = new URL(page.url);
    const cookies = (await httpBrowser.jar.getCookies(page.url)).filter(({ key }) => key.startsWith(COOKIE));
    assert.deepEqual(cookies.map(({ key }) => key).sort(), [COOKIE, `${COOKIE}.sig`]);
    for (const { path, httpOnly, sameSite, domain } of cookies) {
      assert.deepEqual(
        { path, httpOnly, sameSite, domain },
        { path: pathname, httpOnly: true, sameSite: 'lax', domain: 'localhost' },
      );
    }
    time.advance(12 * HOUR + MINUTE);
    assert.deepEqual(linksOf(isOver(await httpBrowser.open(page.url))), [home]);
  });

  it('ignores cookies with an invalid signature and links to the account page', async () => {
    const { httpBrowser, page } = await begin(starting);
    time.advance(HOUR + MINUTE);
    for (const value of ['plain', 'https://evil.example', '', 'unknown']) {
      const { pathname } = new URL(page.url);
      await httpBrowser.jar.setCookie(`${COOKIE}=${value}; Path=${pathname}`, page.url);
      assert.deepEqual(linksOf(isOver(await httpBrowser.open(page.url))), [home], value);
    }
    const stranger = createHttpBrowser(service.issuer);
    assert.deepEqual(linksOf(isOver(await stranger.open(page.url))), [home]);
  });

  it('links to the app also after the form of another interaction', async () => {
    const { httpBrowser, page } = await begin(plain);
    const answer = await httpBrowser.post(`${page.url}/consent`, 'consent=accept');
    assert.equal(answer.status, 409);
    assert.equal(linksOf(answer)[0]?.href, 'https://plain.example/');
    assert.equal(
      (await runAuthorization(plain, httpBrowser, { login: LOGIN.S1 })).answer.leavesTo?.origin,
      'https://plain.example',
    );
  });

  it('uses the same links as the apps on the account page', async () => {
    const { httpBrowser } = await signInWithNewBrowser(starting, { login: LOGIN.T2 });
    await runAuthorization(plain, httpBrowser);
    await runAuthorization(bare, httpBrowser);
    const page = await httpBrowser.open('/account');
    const opens = linksOf(page).filter(({ text }) => text.startsWith('開啟'));
    assert.deepEqual(
      opens.sort((a, b) => a.text.localeCompare(b.text)),
      [
        { text: '開啟 測試 plain', href: 'https://plain.example/' },
        { text: '開啟 測試 starting', href: startOf() },
      ],
    );
    assert.match(textOf(page.body), /測試 bare/);
  });
});
