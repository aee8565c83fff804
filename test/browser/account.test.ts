import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import {
  alertText,
  bodyText,
  childNames,
  heading,
  openBrowserHarness,
  type BrowserSession,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import { choose, fillNewPassword, fillRefusedPassword, fillSignIn, press, signIn } from '../helpers/browser.ts';
import { listAuditEvents, setPassword } from '../helpers/city.ts';
import { mailTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';

describe('account page', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  /** Signs in to payment for one child in a new browser. */
  const signInToPayment = async (): Promise<BrowserSession> => {
    const session = await harness.newSession();
    await signIn(session.page, harness.environment.payment, LOGIN.G2);
    await choose(session.page, '王小樂');
    return session;
  };
  const openAccount = (page: Page) => page.goto(`${harness.environment.issuer}/account`);
  /** Asserts that the account page redirects to sign-in. */
  const isSignedOut = async (page: Page): Promise<void> => {
    await openAccount(page);
    assert.equal(await heading(page), '登入');
  };
  /** Waits until the app has received the logout notice and shows its start page. */
  const waitForSignOutAt = async (page: Page, party: string): Promise<void> => {
    const home = page.url();
    await until(async () => {
      await page.goto(home);
      return (await page.locator('[data-acting-role]').count()) === 0;
    });
    assert.ok(page.url().startsWith(`${party}/?`), page.url());
    assert.equal(await page.locator('#sign-in').count(), 1);
  };

  it('shows the person, roles, children, sessions and apps', async () => {
    const { page } = await signInToPayment();
    await openAccount(page);
    assert.match(await section(page, 'about').innerText(), /李美玲[\s\S]*meiling\.li@parents\.example/);
    assert.match(await section(page, 'about').innerText(), /0900000102/);
    assert.match(await section(page, 'roles').innerText(), /家長/);
    const children = await section(page, 'children').innerText();
    for (const word of ['王小安', '示範高中', '高二3班', '王小樂', '示範國小', '五年1班', '繳費', '關係：父母']) {
      assert.ok(children.includes(word), word);
    }
    assert.equal(await section(page, 'sessions').locator('.row').count(), 1);
    assert.match(await section(page, 'sessions').innerText(), /目前使用的裝置/);
    const apps = await section(page, 'apps').locator('.rows').first().innerText();
    assert.match(apps, /校園繳費系統/);
    assert.match(apps, /學生的姓名與班級/);
    assert.doesNotMatch(apps, /學習歷程檔案|我的帳號/);
  });

  it('shows a teacher both roles with their schools', async () => {
    const { page } = await harness.newSession();
    await openAccount(page);
    await fillSignIn(page, LOGIN.T1);
    assert.match(await section(page, 'roles').innerText(), /教師\s+明德高中[\s\S]*家長/);
    assert.match(await section(page, 'children').innerText(), /陳以恩/);
  });

  it('ends one other session at the service and its apps, and keeps this one', async () => {
    const { page } = await signInToPayment();
    const other = await signInToPayment();
    await openAccount(page);
    const rows = section(page, 'sessions').locator('.row');
    const count = await rows.count();
    await press(page, rows.getByRole('button', { name: '登出該裝置' }).first());
    assert.match(await bodyText(page), /該裝置已登出：[^。]+。/);
    assert.equal(await rows.count(), count - 1);
    await waitForSignOutAt(other.page, harness.environment.payment);
    await isSignedOut(other.page);
    await openAccount(page);
    assert.equal(await heading(page), '我的帳號');
  });

  it('ends all other sessions with one button', async () => {
    const { page } = await signInToPayment();
    const others = [await signInToPayment(), await signInToPayment()];
    await openAccount(page);
    await press(page, page.getByRole('button', { name: '登出其他所有裝置' }));
    assert.match(await bodyText(page), /其他裝置都已登出：[^。]+。/);
    assert.equal(await section(page, 'sessions').locator('.row').count(), 1);
    assert.equal(await page.getByRole('button', { name: '登出其他所有裝置' }).count(), 0);
    for (const { page: other } of others) await waitForSignOutAt(other, harness.environment.payment);
    for (const { page: other } of others) await isSignedOut(other);
  });

  it('removes the access of an app at once', async () => {
    const { page, newTab } = await signInToPayment();
    const app = await newTab();
    await app.goto(page.url());
    await openAccount(page);
    await press(page, section(page, 'apps').locator('.row', { hasText: '校園繳費系統' }).locator('button'));
    assert.match(await bodyText(page), /已取消該應用程式的存取權/);
    assert.match(await section(page, 'apps').innerText(), /目前沒有您授權的應用程式。/);
    await waitForSignOutAt(app, harness.environment.payment);
  });

  it('asks for the current password, changes it, ends other sessions and mails a notice', async () => {
    const { environment } = harness;
    const { page } = await signInToPayment();
    const other = await signInToPayment();
    await openAccount(page);
    await press(page, page.getByRole('link', { name: '變更密碼' }));
    await fillRefusedPassword(page, { current: 'not the password', next: 'seven quiet lanterns' });
    assert.match(await alertText(page), /原密碼不正確。/);
    await fillNewPassword(page, { current: DEMO_PASSWORD, next: 'seven quiet lanterns' });
    assert.equal(await heading(page), '我的帳號');
    assert.match(await bodyText(page), /密碼已變更，其他裝置都已登出。/);
    await waitForSignOutAt(other.page, environment.payment);
    await openAccount(other.page);
    await fillSignIn(other.page, LOGIN.G2);
    assert.match(await alertText(other.page), /帳號或密碼不正確。/);
    await fillSignIn(other.page, LOGIN.G2, 'seven quiet lanterns');
    assert.equal(await heading(other.page), '我的帳號');
    await mailTo(environment.mail, LOGIN.G2, '您的密碼已變更');
    await setPassword(environment.service, 'G2', DEMO_PASSWORD);
  });

  it('keeps the session after the browser closes only if requested', async () => {
    const lasting = async (remember: boolean): Promise<boolean> => {
      const { context, page } = await harness.newSession();
      await openAccount(page);
      await page.setChecked('[name="remember"]', remember);
      await fillSignIn(page, LOGIN.G2);
      const cookies = await context.cookies(harness.environment.issuer);
      const session = cookies.find(({ name }) => name === 'kinpass_session');
      assert.ok(session);
      return session.expires !== -1;
    };
    assert.equal(await lasting(true), true);
    assert.equal(await lasting(false), false);
  });
});

describe('sign-out', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  /** Signs in to both apps, each in its own tab. */
  const signInToBoth = async (): Promise<{ portfolio: Page; payment: Page; session: BrowserSession }> => {
    const session = await harness.newSession();
    await signIn(session.page, harness.environment.portfolio, LOGIN.G2);
    const payment = await session.newTab();
    await payment.goto(harness.environment.payment);
    await press(payment, '#sign-in');
    await choose(payment, '王小安');
    return { portfolio: session.page, payment, session };
  };
  const showsStart = async (page: Page): Promise<boolean> => {
    await page.reload();
    return (await page.locator('#sign-in').count()) === 1 && (await page.locator('[data-acting-role]').count()) === 0;
  };

  it('from one app asks once, lists the apps, and signs out of both', async () => {
    const { portfolio, payment } = await signInToBoth();
    await portfolio.click('.menu-button');
    await press(portfolio, '#sign-out');
    assert.equal(await heading(portfolio), '要登出嗎？');
    const asked = await bodyText(portfolio);
    for (const words of ['目前登入：李美玲', '學習歷程檔案', '校園繳費系統']) assert.ok(asked.includes(words), words);
    await press(portfolio, '#submit');
    assert.ok(portfolio.url().startsWith(harness.environment.portfolio), portfolio.url());
    assert.match(await bodyText(portfolio), /您已登出。/);
    await until(() => showsStart(payment));
    await press(payment, '#sign-in');
    assert.equal(await heading(payment), '登入');
  });

  it('from the account page signs out of both apps and lists the notified ones', async () => {
    const { portfolio, payment, session } = await signInToBoth();
    const page = await session.newTab();
    await page.goto(`${harness.environment.issuer}/account`);
    await press(page, page.getByText('登出', { exact: true }));
    await press(page, '#submit');
    assert.equal(await heading(page), '已登出');
    assert.match(await bodyText(page), /您已登出，並已通知：(學習歷程檔案、校園繳費系統|校園繳費系統、學習歷程檔案)。/);
    for (const app of [portfolio, payment]) await until(() => showsStart(app));
    await page.goto(`${harness.environment.issuer}/account`);
    assert.equal(await heading(page), '登入');
    assert.ok((await listAuditEvents(harness.environment.service, 'G2')).includes('session.logged_out'));
  });

  it('canceled with "stay signed in" ends no session', async () => {
    const { payment, session } = await signInToBoth();
    const page = await session.newTab();
    await page.goto(`${harness.environment.issuer}/session/end`);
    await press(page, page.getByText('保持登入'));
    assert.equal(await heading(page), '我的帳號');
    await payment.reload();
    assert.deepEqual(await childNames(payment), ['王小安']);
  });

  it('shows "you are signed out" also without a session', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/session/end`);
    await page.waitForURL('**/session/end/success');
    assert.equal(await heading(page), '已登出');
    await press(page, page.getByRole('link', { name: '重新登入' }));
    assert.equal(await heading(page), '登入');
  });
});

function section(page: Page, name: string): Locator {
  return page.locator(`section[aria-labelledby="${name}"]`);
}

/** The outbox sends logout notices after the response, so a page may have to be loaded twice. */
async function until(look: () => Promise<boolean>): Promise<void> {
  await pollUntil('the end at the app', async () => await look());
}
