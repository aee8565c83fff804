import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import {
  alertText,
  bodyText,
  childNames,
  heading,
  openBrowserHarness,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import {
  choose,
  choiceButton,
  fillNewPassword,
  fillRefusedPassword,
  fillSignIn,
  press,
  signIn,
} from '../helpers/browser.ts';
import { freezeTime, MINUTE } from '../helpers/frozen-time.ts';
import { mailTo } from '../helpers/mail.ts';

const FIRST_PASSWORD = '100201';
const OWN_PASSWORD = 'kangaroo piano river';

describe('first sign-in of a parent on a phone', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('leads from the portfolio through the forced change, then to payment without a password', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession();

    await page.goto(environment.portfolio);
    await press(page, '#sign-in');
    assert.equal(await heading(page), '登入');
    assert.match(await bodyText(page), /前往：學習歷程檔案/);
    await fillSignIn(page, LOGIN.G1, FIRST_PASSWORD);
    assert.equal(await heading(page), '請設定您自己的密碼');
    assert.match(await bodyText(page), /預設密碼別人可能知道。設定新密碼後，預設密碼立即失效。/);

    await assertRejectedPasswords(page);
    await fillNewPassword(page, { next: OWN_PASSWORD });
    // Only one of the two children attends a senior high school, so the context page is skipped.
    assert.ok(page.url().startsWith(`${environment.portfolio}/c/`), page.url());
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'parent');
    assert.deepEqual(await childNames(page), ['王小安']);
    await assertDrawers(page);

    await page.goto(environment.payment);
    await press(page, '#sign-in');
    assert.equal(await heading(page), '這次要以什麼身分使用？');
    assert.equal(await page.locator('[name="password"]').count(), 0);
    assert.equal(await choiceButton(page).count(), 2);
    assert.equal(await choiceButton(page, '家長', '王小安', '示範高中').count(), 1);
    await choose(page, '家長', '王小樂', '示範國小');
    assert.deepEqual(await childNames(page), ['王小樂']);
    await payFirstBill(page);
    assert.equal(await billState(page), 'paid');
  });

  it('sends the parent a notice by email', async () => {
    const { environment } = harness;
    const mail = await mailTo(environment.mail, LOGIN.G1, '您的密碼已變更');
    assert.match(mail.text, /王大明，您好/);
    assert.ok(mail.text.includes(`${environment.issuer}/forgot-password`), mail.text);
    assert.ok(!mail.text.includes(OWN_PASSWORD));
  });

  it('invalidates the first password and accepts the new one', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.portfolio, LOGIN.G1, FIRST_PASSWORD);
    assert.match(await alertText(page), /帳號或密碼不正確。/);
    await fillSignIn(page, LOGIN.G1, OWN_PASSWORD);
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('allows payment for five minutes after sign-in, then asks for the password', async () => {
    const { environment } = harness;
    // auth_time counts whole seconds.
    const time = freezeTime(Math.ceil(Date.now() / 1_000) * 1_000);
    try {
      const { page } = await harness.newSession();
      await signIn(page, environment.payment, LOGIN.G2);
      await choose(page, '王小安');
      const bills = page.url();
      time.advance(5 * MINUTE);
      await payFirstBill(page);
      assert.equal(await billState(page), 'paid');

      time.advance(1_000);
      await page.goto(bills);
      await payFirstBill(page);
      assert.equal(await heading(page), '請再次確認是您本人');
      assert.equal(await page.inputValue('[name="login"]'), LOGIN.G2);
      assert.equal(await page.locator('[name="login"]').isEditable(), false);
      await confirm(page, 'not the password');
      assert.match(await alertText(page), /密碼不正確。/);
      await confirm(page, 'Kinpass-Demo-2026');
      // The confirmation page shows the amount again before the payment.
      assert.equal(await billState(page), 'unpaid');
      assert.match(await bodyText(page), /請核對金額，再按一次確認繳費。/);
      await press(page, '#pay');
      assert.equal(await billState(page), 'paid');
    } finally {
      time.release();
    }
  });
});

/** Asserts that the forced change rejects invalid passwords with the reason at the field and in the summary. */
async function assertRejectedPasswords(page: Page): Promise<void> {
  const refused = async (field: string, typed: { next: string; again?: string }, reason: RegExp) => {
    await fillRefusedPassword(page, typed);
    assert.match(await alertText(page), reason);
    assert.equal(await page.inputValue('[name="new_password"]'), typed.next, 'the typed password stays');
    assert.equal(await page.getAttribute(':focus', 'class'), 'error-summary');
    const input = page.locator(`[name="${field}"]`);
    assert.equal(await input.getAttribute('aria-invalid'), 'true');
    assert.match((await input.getAttribute('aria-describedby')) ?? '', new RegExp(`\\b${field}-error\\b`));
    assert.match(await page.locator(`#${field}-error`).innerText(), reason);
    await page.locator('[role="alert"] a').first().click();
    assert.equal(await page.getAttribute(':focus', 'id'), field);
  };
  await refused('new_password', { next: 'river piano' }, /新密碼太短，至少要 12 個字元。/);
  await refused('new_password', { next: `river piano ${FIRST_PASSWORD}` }, /新密碼不可包含身分證統一編號的任何一段。/);
  await refused(
    'new_password',
    { next: '王大明的一個新的長密碼在這裡' },
    /新密碼不可包含您或孩子的姓名（您用了「王大明」）。/,
  );
  await refused('confirm_password', { next: OWN_PASSWORD, again: 'kangaroo piano rover' }, /兩次輸入的新密碼不一樣。/);
}

/** Asserts that parents can read two drawers, and that the third one is forbidden. */
async function assertDrawers(page: Page): Promise<void> {
  const drawersUrl = page.url();
  assert.deepEqual(await page.locator('.drawer h2').allInnerTexts(), ['課程學習成果', '多元表現']);
  assert.doesNotMatch(await bodyText(page), /其他/);
  for (const drawer of ['course', 'activities']) {
    await page.goto(drawersUrl);
    await press(page, `section[aria-labelledby="${drawer}"] a`);
    assert.ok((await page.locator('.files li').count()) > 0);
    await press(page, page.locator('.files a').first());
    assert.deepEqual(await childNames(page), ['王小安']);
  }
  const closed = await page.goto(`${drawersUrl}drawers/other`);
  assert.equal(closed?.status(), 403);
  assert.equal(await page.locator('.files').count(), 0);
}

async function payFirstBill(page: Page): Promise<void> {
  await press(page, page.locator('.bill').filter({ hasText: '待繳' }).locator('a').first());
  await press(page, '#pay');
}

async function billState(page: Page): Promise<string | null> {
  return page.getAttribute('[data-bill-state]', 'data-bill-state');
}

async function confirm(page: Page, password: string): Promise<void> {
  await page.fill('[name="password"]', password);
  await press(page, '#submit');
}
