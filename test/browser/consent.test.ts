import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { freePort } from '../helpers/ports.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';

const SCOPE = 'openid profile children children.profile';

describe('consent for a third-party app', () => {
  let harness: BrowserHarness;
  let shop: TestParty;
  /** The server of the shop: an empty page at every path. */
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>shop</title>');
  });
  before(async () => {
    const [secret, port] = [newSecret(), await freePort()];
    const redirectUri = `http://localhost:${String(port)}/callback`;
    await once(server.listen(port, 'localhost'), 'listening');
    const client = createRegistration('bookshop', secret, {
      client_name: { 'zh-TW': '校園書店', en: 'School bookshop' },
      redirect_uris: [redirectUri],
      sector_identifier_uri: 'https://bookshop.example/redirect-uris.json',
      scopes: SCOPE.split(' '),
      first_party: false,
    });
    harness = await openBrowserHarness({ clients: [client] });
    shop = await createParty(harness.environment.issuer, { id: 'bookshop', secret, scope: SCOPE, redirectUri });
  });
  afterEach(() => harness.closeSessions());
  after(async () => {
    await harness.close();
    server.close();
    server.closeAllConnections();
  });

  const enterShop = async (page: Page): Promise<void> => {
    await page.goto((await shop.begin()).url);
  };
  const answered = (page: Page): URLSearchParams => {
    assert.ok(page.url().startsWith(`${shop.redirectUri}?`), page.url());
    return new URL(page.url()).searchParams;
  };

  it('lists each item, and a denial returns access_denied to the app', async () => {
    const { page } = await harness.newSession();
    await enterShop(page);
    await fillSignIn(page, LOGIN.S1);
    assert.equal(await heading(page), '「校園書店」想使用您的資料');
    const text = await bodyText(page);
    for (const words of [
      '網站：bookshop.example',
      '您的姓名',
      '您照顧的學生',
      '學生的姓名與班級',
      '這個應用程式不會取得您的密碼或身分證字號。您可以隨時在「我的帳號」取消授權。',
    ]) {
      assert.ok(text.includes(words), words);
    }
    assert.doesNotMatch(text, /children|scope|openid/);
    assert.equal(await page.locator('button[name="consent"]').count(), 2);
    await press(page, 'button[name="consent"][value="deny"]');
    assert.equal(answered(page).get('error'), 'access_denied');
  });

  it('is granted once, also on a double click, and asked again after its removal', async () => {
    const { issuer } = harness.environment;
    const { page } = await harness.newSession();
    await enterShop(page);
    await fillSignIn(page, LOGIN.S1);
    await Promise.all([page.waitForURL(`${shop.redirectUri}*`), page.locator('#submit').dblclick()]);
    assert.ok(answered(page).has('code'));
    await enterShop(page);
    assert.ok(answered(page).has('code'));

    await page.goto(`${issuer}/account`);
    const row = page.locator('section[aria-labelledby="apps"] .row', { hasText: '校園書店' });
    assert.match(await row.innerText(), /學生的姓名與班級/);
    await press(page, row.locator('button'));
    assert.equal(await row.count(), 0);
    await enterShop(page);
    assert.equal(await heading(page), '「校園書店」想使用您的資料');
  });
});
