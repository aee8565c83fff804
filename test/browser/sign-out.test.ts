/** The sign-out pages on a phone: several tabs, sessions that ended elsewhere, the back button, the language. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import {
  bodyText,
  heading,
  openBrowserHarness,
  type BrowserSession,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import { choose, fillSignIn, press } from '../helpers/browser.ts';

const ASKED = '要登出嗎？';
const SIGNED_OUT = '已登出';

describe('sign-out page', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(async () => {
    await harness.closeSessions();
    // Pages and mails keep the language that a person has chosen.
    await harness.environment.service.container.store.write(({ db, tables: { persons } }) =>
      db.update(persons).set({ locale: 'zh-TW', localeChosenAt: null }),
    );
  });
  after(() => harness.close());

  const endUrl = (parameters: Record<string, string> = {}): string =>
    `${harness.environment.issuer}/session/end?${new URLSearchParams(parameters).toString()}`;
  const toPayment = (): Record<string, string> => ({
    client_id: 'payment',
    post_logout_redirect_uri: `${harness.environment.payment}/`,
  });
  const openAccount = async (session: BrowserSession): Promise<Page> => {
    await session.page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(session.page, LOGIN.G2);
    assert.equal(await heading(session.page), '我的帳號');
    return session.page;
  };

  it('signs out in two tabs, and each tab returns to its own app', async () => {
    const session = await harness.newSession();
    const one = await openAccount(session);
    const two = await session.newTab();
    await one.goto(endUrl());
    await two.goto(endUrl(toPayment()));
    assert.deepEqual([await heading(one), await heading(two)], [ASKED, ASKED]);
    await press(one, '#submit');
    assert.equal(await heading(one), SIGNED_OUT);
    await press(two, '#submit');
    assert.ok(two.url().startsWith(harness.environment.payment), two.url());
    await one.goto(`${harness.environment.issuer}/account`);
    assert.equal(await heading(one), '登入');
  });

  it('shows "signed out" when another device has ended the session', async () => {
    const page = await openAccount(await harness.newSession());
    await page.goto(endUrl());
    const other = await openAccount(await harness.newSession());
    await press(other, other.locator('form[action="/account/sessions/revoke-others"] button'));
    await press(page, '#submit');
    assert.equal(await heading(page), SIGNED_OUT);
    assert.match(await bodyText(page), /您已登出。/);
    await other.reload();
    assert.equal(await heading(other), '我的帳號');
  });

  it('shows the sign-out page for an invalid request, in both languages, and signs out', async () => {
    const page = await openAccount(await harness.newSession());
    for (const wrong of [
      { id_token_hint: 'broken', ...toPayment() },
      { client_id: 'payment', post_logout_redirect_uri: 'https://elsewhere.example/' },
      { client_id: 'unknown' },
    ]) {
      await page.goto(endUrl(wrong));
      assert.match(await page.title(), /要登出嗎？/);
    }
    await press(page, page.getByRole('link', { name: 'English' }));
    assert.equal(await heading(page), 'Do you want to sign out?');
    await press(page, '#submit');
    assert.equal(await heading(page), 'Signed out');
    await press(page, page.getByRole('link', { name: '中文' }));
    assert.equal(await heading(page), SIGNED_OUT);
  });

  it('keeps the return link to the app when the language changes', async () => {
    const page = await openAccount(await harness.newSession());
    await page.goto(endUrl({ ...toPayment(), state: 'x' }));
    await press(page, page.getByRole('link', { name: 'English' }));
    assert.equal(await heading(page), 'Do you want to sign out?');
    await press(page, '#submit');
    assert.ok(page.url().startsWith(`${harness.environment.payment}/?state=x`), page.url());
  });

  it('asks again when another person has signed in', async () => {
    const session = await harness.newSession();
    const page = await openAccount(session);
    const stale = await session.newTab();
    await stale.goto(endUrl());
    await page.goto(endUrl());
    await press(page, '#submit');
    await page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(page, LOGIN.S1);
    await press(stale, '#submit');
    assert.equal(await heading(stale), ASKED);
    assert.match(await bodyText(stale), /登入狀態已變更.*目前登入：王小安/);
    await page.reload();
    assert.match(await bodyText(page), /王小安/);
    await press(stale, '#submit');
    assert.equal(await heading(stale), SIGNED_OUT);
  });

  it('shows no account data after the back button', async () => {
    const page = await openAccount(await harness.newSession());
    await page.goto(`${harness.environment.issuer}/account/password`);
    await page.goto(endUrl());
    await press(page, '#submit');
    assert.equal(await heading(page), SIGNED_OUT);
    for (let step = 0; step < 4; step += 1) {
      await page.goBack();
      assert.doesNotMatch(await bodyText(page), /李美玲|王小/, page.url());
    }
  });

  it('works without JavaScript', async () => {
    const page = await openAccount(await harness.newSession({ javaScriptEnabled: false }));
    await page.goto(harness.environment.payment);
    await press(page, '#sign-in');
    await choose(page, '王小安');
    await page.goto(endUrl());
    assert.equal(await heading(page), ASKED);
    await press(page, '#submit');
    assert.match(await bodyText(page), /您已登出，並已通知：校園繳費系統。/);
    await page.reload();
    assert.match(await bodyText(page), /您已登出，並已通知：校園繳費系統。/);
    await page.context().clearCookies();
    await page.goto(`${harness.environment.issuer}/session/end/success`);
    assert.match(await bodyText(page), /您已登出。/);
  });

  it('never shows "signed out" on the success page while a session exists', async () => {
    const page = await openAccount(await harness.newSession());
    await page.goto(`${harness.environment.issuer}/session/end/success`);
    assert.equal(await heading(page), ASKED);
  });
});
