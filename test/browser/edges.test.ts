import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { assertFits } from '../helpers/browser-console.ts';
import {
  alertText,
  bodyText,
  childNames,
  heading,
  openBrowserHarness,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import {
  choiceButton,
  choose,
  fillNewPassword,
  pressRefused,
  fillSignIn,
  press,
  pressEnter,
  signIn,
  switchTo,
  tabTo,
  waitForNextPage,
} from '../helpers/browser.ts';
import { listAuditEvents, setFirstPassword } from '../helpers/city.ts';
import { freezeTime, MINUTE } from '../helpers/frozen-time.ts';

const OWN_PASSWORD = 'seven quiet lanterns';

describe('browser behavior during sign-in', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('the back button after sign-in shows a page with a link, and the app stays signed in', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.portfolio, LOGIN.G2);
    await page.goBack();
    assert.equal(await heading(page), '這個步驟已過期');
    assert.match(await bodyText(page), /請重新開始，不會有任何資料遺失。/);
    await press(page, page.locator('main a.button', { hasText: '我的帳號' }));
    assert.equal(await heading(page), '我的帳號');
    await page.goBack();
    await press(page, page.locator('main a.button', { hasText: '返回「學習歷程檔案」' }));
    await press(page, '#continue');
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('the back button on the forced change shows a page with a link, and no session exists', async () => {
    const { environment } = harness;
    await setFirstPassword(environment.service, 'G1', '100201');
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, LOGIN.G1, '100201');
    assert.equal(await heading(page), '請設定您自己的密碼');
    await page.goBack();
    assert.equal(await heading(page), '這個步驟已過期');
    await press(page, page.locator('main a.button', { hasText: '我的帳號' }));
    // Without a session, the account page redirects to sign-in.
    assert.equal(await heading(page), '登入');
    for (const path of ['/account', '/account/password']) {
      await page.goto(environment.issuer + path);
      assert.equal(await heading(page), '登入', path);
    }
    await page.goto(environment.portfolio);
    await press(page, '#sign-in');
    assert.equal(await heading(page), '登入');
    await fillSignIn(page, LOGIN.G1, '100201');
    await fillNewPassword(page, { next: OWN_PASSWORD });
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('an interaction open for more than an hour shows the expired page and leads to the app', async () => {
    const time = freezeTime(Date.now());
    try {
      const { page } = await harness.newSession();
      await page.goto(harness.environment.portfolio);
      await press(page, '#sign-in');
      // The page requests the options of passkeys after it has loaded.
      await page.waitForLoadState('networkidle');
      time.advance(61 * MINUTE);
      await fillSignIn(page, LOGIN.G2);
      assert.equal(await heading(page), '這個步驟已過期');
      await press(page, page.locator('main a.button').first());
      await press(page, '#sign-in');
      assert.equal(await heading(page), '登入');
      await fillSignIn(page, LOGIN.G2);
      assert.deepEqual(await childNames(page), ['王小安']);
    } finally {
      time.release();
    }
  });

  it('a double click on each primary button acts once', async () => {
    const { environment } = harness;
    await setFirstPassword(environment.service, 'G4', '100703');
    const { page } = await harness.newSession();
    await page.goto(environment.payment);
    await twice(page, page.locator('#sign-in'));
    await page.fill('[name="login"]', LOGIN.G4);
    await page.fill('[name="password"]', '100703');
    await twice(page, page.locator('#submit'));
    assert.equal(await heading(page), '請設定您自己的密碼');
    await page.fill('[name="new_password"]', OWN_PASSWORD);
    await page.fill('[name="confirm_password"]', OWN_PASSWORD);
    await twice(page, page.locator('#submit'));
    assert.deepEqual(await childNames(page), ['周子晴']);
    await page.click('.menu-button');
    await twice(page, page.locator('#sign-out'));
    assert.equal(await heading(page), '要登出嗎？');
    await twice(page, page.locator('#submit'));
    assert.match(await bodyText(page), /您已登出。/);
    const events = await listAuditEvents(environment.service, 'G4');
    assert.equal(events.filter((event) => event === 'password.set').length, 1);
    assert.equal(events.filter((event) => event === 'session.logged_out').length, 1);
  });

  it('a double click on a choice and on payment acts once', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession();
    await signIn(page, environment.payment, LOGIN.G2);
    await twice(page, choiceButton(page, '王小樂'));
    assert.deepEqual(await childNames(page), ['王小樂']);
    await press(page, page.locator('.bill a').first());
    await twice(page, page.locator('#pay'));
    assert.equal(await page.getAttribute('[data-bill-state]', 'data-bill-state'), 'paid');
    assert.match(await bodyText(page), /不會重複收費。/);
  });

  it('two sign-ins in two tabs both return to their own app', async () => {
    const { environment } = harness;
    const { page: first, newTab } = await harness.newSession();
    const second = await newTab();
    await first.goto(environment.portfolio);
    await second.goto(environment.payment);
    await press(first, '#sign-in');
    await press(second, '#sign-in');
    await fillSignIn(first, LOGIN.G2);
    assert.deepEqual(await childNames(first), ['王小安']);
    assert.ok(first.url().startsWith(environment.portfolio));
    await fillSignIn(second, LOGIN.G2);
    await choose(second, '王小樂');
    assert.deepEqual(await childNames(second), ['王小樂']);
    assert.ok(second.url().startsWith(environment.payment));
    await first.reload();
    assert.deepEqual(await childNames(first), ['王小安']);
  });

  it('the language switch keeps the interaction and what was typed, but no password', async () => {
    const { page } = await harness.newSession({ viewport: { width: 320, height: 664 } });
    await page.goto(harness.environment.portfolio);
    await press(page, '#sign-in');
    const step = page.url();
    await page.fill('[name="login"]', LOGIN.G2);
    await page.fill('[name="password"]', DEMO_PASSWORD);
    await page.check('[name="remember"]');
    await press(page, '.languages a[lang="en"]');
    assert.equal(page.url(), step);
    assert.equal(await heading(page), 'Sign in');
    assert.equal(await page.inputValue('[name="login"]'), LOGIN.G2);
    assert.equal(await page.inputValue('[name="password"]'), '');
    assert.ok(await page.isChecked('[name="remember"]'));
    await assertFits(page);
    await page.uncheck('[name="remember"]');
    assert.match(await bodyText(page), /Continue to Learning portfolio/);
    await fillSignIn(page, LOGIN.G2, 'wrong password');
    await press(page, '.languages a[lang="zh-TW"]');
    assert.equal(page.url(), step);
    assert.equal(await heading(page), '登入');
    await fillSignIn(page, LOGIN.G2);
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('the first sign-in works without JavaScript, also with double clicks', async () => {
    const { environment } = harness;
    await setFirstPassword(environment.service, 'G1', '100201');
    const { page } = await harness.newSession({ javaScriptEnabled: false });
    await signIn(page, environment.payment, LOGIN.G1, 'wrong password');
    assert.match(await alertText(page), /帳號或密碼不正確。/);
    await page.fill('[name="password"]', '100201');
    await twice(page, page.locator('#submit'));
    await fillNewPassword(page, { next: 'river piano' });
    assert.match(await alertText(page), /新密碼太短.*為了安全，請再輸入一次新密碼。/);
    await page.fill('[name="new_password"]', OWN_PASSWORD);
    await page.fill('[name="confirm_password"]', OWN_PASSWORD);
    await twice(page, page.locator('#submit'));
    await twice(page, choiceButton(page, '王小樂'));
    assert.deepEqual(await childNames(page), ['王小樂']);
    await switchTo(page, '家長：王小安');
    assert.deepEqual(await childNames(page), ['王小安']);
    // The page shows no feature that needs a script.
    await page.goto(`${environment.issuer}/account/password`);
    assert.equal(await page.locator('.reveal').count(), 2);
    assert.equal(await page.locator('.reveal:visible, .strength:visible').count(), 0);
  });

  it('"show" reveals the password, and submits it as a password field', async () => {
    const { page } = await harness.newSession();
    await page.goto(harness.environment.portfolio);
    await press(page, '#sign-in');
    await page.fill('[name="login"]', LOGIN.G2);
    await page.fill('[name="password"]', DEMO_PASSWORD);
    await page.fill('[name="password"]', `${DEMO_PASSWORD} `);
    await page.locator('[name="password"]').blur();
    const hint = page.getByText('請注意：密碼的開頭或結尾有空格。');
    await hint.waitFor();
    await page.fill('[name="password"]', DEMO_PASSWORD);
    await hint.waitFor({ state: 'detached' });
    const button = page.getByRole('button', { name: '顯示密碼' });
    await button.click();
    assert.equal(await page.getAttribute('[name="password"]', 'type'), 'text');
    await page.getByRole('button', { name: '隱藏密碼' }).click();
    assert.equal(await page.getAttribute('[name="password"]', 'type'), 'password');
    await button.click();
    await press(page, '#submit');
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('one "show" reveals both new passwords, and a visible one needs no repetition', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account/password`);
    await fillSignIn(page, LOGIN.G2);
    const isCoarse = await page.evaluate<boolean>("matchMedia('(pointer: coarse)').matches");
    const types = (): Promise<(string | null)[]> =>
      Promise.all(['new', 'confirm'].map((name) => page.getAttribute(`[name="${name}_password"]`, 'type')));
    const button = page.locator('[data-reveal="new_password"]');
    assert.deepEqual(await types(), Array(2).fill(isCoarse ? 'text' : 'password'));
    if (!isCoarse) await button.click();
    assert.deepEqual(await types(), ['text', 'text']);
    await page.fill('[name="current_password"]', 'not the password');
    await page.fill('[name="new_password"]', OWN_PASSWORD);
    await pressRefused(page);
    assert.match(await alertText(page), /原密碼不正確/);
    const typed = ['current', 'new', 'confirm'].map((name) => page.inputValue(`[name="${name}_password"]`));
    assert.deepEqual(await Promise.all(typed), ['not the password', OWN_PASSWORD, '']);
    assert.deepEqual(await types(), ['text', 'text'], 'the password is as visible as before');
  });

  it('the meter of a new password announces its strength', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account/password`);
    await fillSignIn(page, LOGIN.G2);
    const meter = page.locator('[data-strength-text]');
    for (const [typed, words, value] of [
      ['abc', '還差 9 個字元', 1],
      ['aaaaaaaaaaaaaa', '弱', 1],
      ['我的名字是李美玲', '新密碼不可包含您或孩子的姓名（您用了「李美玲」）。', 1],
      ['李美玲 kangaroo piano river lantern', '新密碼不可包含您或孩子的姓名（您用了「李美玲」）。', 1],
      ['kangaroo piano river lantern ', '請注意：密碼的開頭或結尾有空格。', 4],
      ['kangaroo piano river lantern', '非常強', 4],
    ] as const) {
      await page.fill('[name="new_password"]', typed);
      await meter.filter({ hasText: words }).waitFor();
      assert.equal(Number(await page.locator('meter').getAttribute('value')), value);
    }
    const childName = '王小安愛吃冰淇淋還有蛋糕';
    await page.fill('[name="current_password"]', DEMO_PASSWORD);
    for (const field of ['new', 'confirm']) await page.fill(`[name="${field}_password"]`, childName);
    await pressRefused(page);
    await meter.filter({ hasText: /^弱$/ }).waitFor();
  });

  it('fields have the right autocomplete and inputmode', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account/password`);
    assert.equal(await page.getAttribute('[name="login"]', 'autocomplete'), 'username webauthn');
    assert.equal(await page.getAttribute('[name="login"]', 'inputmode'), 'email');
    assert.equal(await page.getAttribute('[name="password"]', 'autocomplete'), 'current-password');
    assert.equal(await page.getAttribute('[name="password"]', 'type'), 'password');
    await page.check('[name="remember"]');
    await fillSignIn(page, LOGIN.G2);
    assert.equal(await page.getAttribute('[name="current_password"]', 'autocomplete'), 'current-password');
    assert.equal(await page.getAttribute('[name="new_password"]', 'autocomplete'), 'new-password');
    assert.equal(await page.getAttribute('[name="confirm_password"]', 'autocomplete'), 'new-password');
    assert.equal(await page.locator('input[autocomplete="username"]').inputValue(), LOGIN.G2);
  });

  it('sign-in works by keyboard only, with a visible focus', async () => {
    const { page } = await harness.newSession({ viewport: { width: 1280, height: 800 } });
    await page.goto(harness.environment.payment);
    await tabTo(page, '#sign-in');
    await pressEnter(page);
    await tabTo(page, '[name="login"]');
    await page.keyboard.type(LOGIN.G2);
    await tabTo(page, '[name="password"]');
    await page.keyboard.type(DEMO_PASSWORD);
    await tabTo(page, '[name="remember"]');
    await page.keyboard.press('Space');
    assert.equal(await page.isChecked('[name="remember"]'), true);
    await tabTo(page, '#submit');
    await pressEnter(page);
    await tabTo(page, '[name="choice"]');
    await pressEnter(page);
    assert.equal((await childNames(page)).length, 1);
    await tabTo(page, '.menu-button');
    await page.keyboard.press('Enter');
    await tabTo(page, 'a.entry');
    await pressEnter(page);
    assert.equal((await childNames(page)).length, 1);
  });
});

async function twice(page: Page, target: Locator): Promise<void> {
  await waitForNextPage(page, () => target.dblclick());
}
