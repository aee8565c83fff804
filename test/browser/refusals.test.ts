import { strict as assert } from 'node:assert';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import {
  alertText,
  bodyText,
  childNames,
  heading,
  openBrowserHarness,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import { assertFits } from '../helpers/browser-console.ts';
import { fillNewPassword, fillRefusedPassword, fillSignIn, press, signIn } from '../helpers/browser.ts';
import { countFailures } from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { linkIn, mailsTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';

const FAILED = '帳號或密碼不正確。第一次登入時，密碼是您本人身分證統一編號的最後六碼。';

describe('failed sign-in', () => {
  let harness: BrowserHarness;
  let time: FrozenTime;
  before(async () => {
    harness = await openBrowserHarness();
  });
  beforeEach(() => {
    time = freezeTime(Date.now());
  });
  afterEach(async () => {
    time.release();
    await harness.closeSessions();
  });
  after(() => harness.close());

  it('shows the same error for a wrong password and an unknown account, and keeps the login', async () => {
    for (const login of [LOGIN.G2, 'unknown@parents.example', '0900000999', 'no.such.name']) {
      const { page } = await harness.newSession();
      await signIn(page, harness.environment.portfolio, login, 'wrong password');
      assert.equal(await alertText(page), FAILED);
      assert.equal(await page.inputValue('[name="login"]'), login);
      assert.equal(await page.inputValue('[name="password"]'), '');
      // A screen reader starts at the focused alert.
      assert.equal(await page.getAttribute(':focus', 'role'), 'alert');
      assert.match(await page.title(), /^錯誤：/);
      assert.equal(await page.locator('details.help').getAttribute('open'), '');
    }
  });

  it('sends a rejected form once: reload, back, forward and a second tab show the form', async () => {
    const { service, portfolio } = harness.environment;
    const { page } = await harness.newSession({ viewport: { width: 320, height: 640 } });
    await signIn(page, portfolio, LOGIN.G2, 'wrong password');
    await page.evaluate("document.documentElement.style.fontSize = '200%'");
    await assertFits(page);
    const before = await countFailures(service, 'G2');
    await page.reload();
    assert.equal(await alertText(page), FAILED);
    assert.equal(await page.inputValue('[name="login"]'), LOGIN.G2);
    const tab = await page.context().newPage();
    for (const move of [() => page.goBack(), () => page.goForward(), () => tab.goto(page.url())]) await move();
    for (const shown of [page, tab]) assert.equal(await heading(shown), '登入');
    assert.equal(await countFailures(service, 'G2'), before);
    await fillSignIn(tab, LOGIN.G2);
    assert.deepEqual(await childNames(tab), ['王小安']);
  });

  it('shows at each field what is missing', async () => {
    const { page } = await harness.newSession();
    await page.goto(harness.environment.portfolio);
    await press(page, '#sign-in');
    await press(page, '#submit');
    assert.equal(await page.locator('#login-error').textContent(), '錯誤：請輸入帳號。');
    assert.equal(await page.locator('#password-error').textContent(), '錯誤：請輸入密碼。');
    await page.locator('[role="alert"] a').last().click();
    assert.equal(await page.getAttribute(':focus', 'name'), 'password');
  });

  it('shows the waiting time after five attempts, and accepts the password after it', async () => {
    const { page } = await harness.newSession();
    await page.goto(harness.environment.portfolio);
    await press(page, '#sign-in');
    const warned: boolean[] = [];
    for (let i = 0; i < 5; i += 1) {
      await fillSignIn(page, LOGIN.G5, `wrong password ${String(i)}`);
      const alert = await alertText(page);
      assert.ok(alert.startsWith(FAILED), alert);
      warned.push(alert.includes('再輸入錯誤一次，須等候 30 秒才能再試。'));
    }
    assert.deepEqual(warned, [false, false, false, true, false], 'warns before the last free attempt');
    await fillSignIn(page, LOGIN.G5, DEMO_PASSWORD);
    const message = /^嘗試次數過多，請於 (\d\d:\d\d) 後再試，或使用「忘記密碼」。$/.exec(await alertText(page));
    const now = Date.now();
    const opens = Math.ceil((now + 30 * SECOND) / MINUTE) * MINUTE;
    assert.equal(message?.[1], new Date(opens + 8 * 60 * MINUTE).toISOString().slice(11, 16));
    time.advance(opens - now + SECOND);
    await fillSignIn(page, LOGIN.G5, DEMO_PASSWORD);
    assert.deepEqual(await childNames(page), ['林可欣']);
  });

  it('looks the same for an expired first password, and a reset link restores access', async () => {
    const { environment } = harness;
    time.advance(31 * DAY);
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, LOGIN.G1, '100201');
    assert.equal(await alertText(page), FAILED);
    assert.match(
      await bodyText(page),
      /預設密碼有使用期限，輸入錯誤幾次後也會停用。如果無法登入，請使用「忘記密碼」，或洽學校資訊組。/,
    );

    const link = await requestResetLink(harness, page, LOGIN.G1);
    await page.goto(link);
    assert.equal(await heading(page), '設定您的密碼');
    assert.equal(await page.locator('[name="current_password"]').count(), 0);
    await fillRefusedPassword(page, { next: 'Y100100201 是我的' });
    assert.match(await page.locator('#new_password-error').innerText(), /新密碼不可包含身分證統一編號的任何一段。/);
    await fillNewPassword(page, { next: 'seven quiet lanterns' });
    assert.ok(page.url().startsWith(environment.portfolio), page.url());
    assert.deepEqual(await childNames(page), ['王小安']);
    await page.goto(`${environment.issuer}/account`);
    assert.equal(await heading(page), '我的帳號');
  });

  it('a reset link works once, for 30 minutes', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account`);
    const late = await requestResetLink(harness, page, LOGIN.G4);
    time.advance(31 * MINUTE);
    await page.goto(late);
    assert.equal(await heading(page), '這個連結已失效');
    await press(page, page.getByText('再寄一次連結'));
    const link = await sendLink(harness, page, LOGIN.G4);
    assert.notEqual(link, late);
    await page.goto(link);
    await fillNewPassword(page, { next: 'a river of paper boats' });
    assert.equal(await heading(page), '新密碼設定完成');
    await page.goto(link);
    assert.equal(await heading(page), '這個連結已失效');
    await signIn(page, harness.environment.payment, LOGIN.G4, 'a river of paper boats');
    assert.deepEqual(await childNames(page), ['周子晴']);
  });

  it('a reset link opened from webmail leaves no token in the URL or history', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account`);
    const link = await requestResetLink(harness, page, LOGIN.G4);
    // From another site, a browser sends no SameSite=Strict cookie.
    await page.goto('about:blank');
    await page.setContent(`<a href="${link}">open</a>`);
    await press(page, 'a');
    assert.equal(await heading(page), '設定新密碼');
    const form = page.url();
    assert.match(form, /\/interaction\/[\w-]{43}\/reset-password$/);
    await press(page, page.getByText('English'));
    assert.equal(page.url(), form);
    await page.goBack();
    assert.equal(page.url(), form);
    await page.goBack();
    assert.equal(page.url(), 'about:blank');
    await page.goForward();
    assert.equal(await page.locator('[name="new_password"]').count(), 1);
  });

  it('"forgot password" responds the same for an unknown account, and sends no mail', async () => {
    const { environment } = harness;
    const before = environment.mail.messages().length;
    const { page } = await harness.newSession();
    await page.goto(`${environment.issuer}/account`);
    await page.fill('[name="login"]', 'unknown@parents.example');
    await press(page, page.getByText('忘記密碼？'));
    assert.equal(await page.inputValue('[name="login"]'), 'unknown@parents.example', 'the link takes the login along');
    assert.doesNotMatch(decodeURIComponent(page.url()), /unknown/);
    await page.reload();
    assert.equal(await page.inputValue('[name="login"]'), 'unknown@parents.example', 'a reload keeps the typed login');
    await page.goto(`${environment.issuer}/forgot-password`);
    await page.fill('[name="login"]', 'unknown@parents.example');
    await press(page, '#submit');
    assert.equal(await heading(page), '請查看您的電子郵件');
    const answer = await bodyText(page);
    await page.reload();
    assert.equal(await bodyText(page), answer);
    await page.goto(`${environment.issuer}/forgot-password`);
    await sendLink(harness, page, LOGIN.G3);
    assert.equal(await bodyText(page), answer);
    await page.reload();
    assert.equal(await bodyText(page), answer);
    assert.equal(environment.mail.messages().length, before + 1, 'a reload sends no mail');
    // The page has a link to sign-in.
    await press(page, page.getByText('返回登入'));
    assert.equal(await heading(page), '登入');
  });
});

/** Requests a password reset from the sign-in page. @returns the link of the mail */
async function requestResetLink(harness: BrowserHarness, page: Page, login: string): Promise<string> {
  await press(page, page.getByText('忘記密碼？'));
  assert.equal(await heading(page), '忘記帳號或密碼');
  return sendLink(harness, page, login);
}

async function sendLink({ environment: { mail, issuer } }: BrowserHarness, page: Page, login: string): Promise<string> {
  const known = mailsTo(mail, login, '設定新密碼').length;
  await page.fill('[name="login"]', login);
  await press(page, '#submit');
  assert.equal(await heading(page), '請查看您的電子郵件');
  const link = linkIn(
    await pollUntil('one more link', () => {
      const mails = mailsTo(mail, login, '設定新密碼');
      return mails.length > known ? mails[0] : undefined;
    }),
  );
  assert.ok(link.startsWith(`${issuer}/reset-password?token=`), link);
  return link;
}
