import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { assertFits } from '../helpers/browser-console.ts';
import {
  alertText,
  bodyText,
  DESKTOP,
  heading,
  openBrowserHarness,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import { fillNewPassword, fillSignIn, press, pressEnter, setUpAuthenticator, tabTo } from '../helpers/browser.ts';
import { setPassword, signInToAccount } from '../helpers/city.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';
import { STAFF_LOGIN } from '../helpers/staff.ts';

describe('IT desk', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(async () => {
    await harness.closeSessions();
    await removeSecondFactors(harness.environment.service, 'A1');
  });
  after(() => harness.close());

  /** Signs in at the console for the first time and sets up an authenticator app. */
  const openConsole = async (page: Page): Promise<void> => {
    await page.goto(`${harness.environment.issuer}/console`);
    await fillSignIn(page, STAFF_LOGIN.A1);
    await setUpAuthenticator(page);
    assert.equal(await page.locator('[data-recovery-code]').count(), 10);
    await press(page, '#submit');
    assert.equal(await heading(page), '管理後台');
  };

  it('sets up a second factor, finds a parent and prints a slip; the parent signs in with it', async () => {
    const { page } = await harness.newSession({ viewport: DESKTOP });
    await openConsole(page);
    await page.fill('[name="q"]', '李美玲');
    await press(page, '.search-form button');
    await press(page, page.locator('a[data-person]').filter({ hasText: '李美玲' }).first());
    assert.equal(await page.getAttribute('body', 'data-person-state'), 'active');
    await press(page, 'button[name="action"][value="one-time-code"]');
    await press(page, 'button[name="action"][value="one-time-code"]');
    assert.match(await alertText(page), /請填寫原因/);
    await page.fill('textarea[name="reason"]', '家長來電，已核對班級座號');
    await press(page, 'button[name="action"][value="one-time-code"]');
    const code = (await page.getAttribute('[data-one-time-code]', 'data-one-time-code')) ?? '';
    assert.equal(await page.locator('[data-print]').isVisible(), true);

    const parent = await harness.newSession();
    await parent.page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(parent.page, LOGIN.G2, `${code.slice(0, 5)} ${code.slice(5).toLowerCase()}`);
    assert.equal(await heading(parent.page), '請設定您自己的密碼');
    await fillNewPassword(parent.page, { next: 'seven quiet lanterns' });
    assert.match(await bodyText(parent.page), /李美玲/);
    await setPassword(harness.environment.service, 'G2', DEMO_PASSWORD);
  });

  it('signs in, searches and unlocks a parent on a phone by keyboard only', async () => {
    const { issuer, service } = harness.environment;
    const authenticator = await enrollTotp(service, 'A1');
    await signInToAccount(service, LOGIN.G1, 'wrong');
    const { page } = await harness.newSession();
    await page.goto(`${issuer}/console`);
    await tabTo(page, '[name="login"]');
    await page.keyboard.type(STAFF_LOGIN.A1);
    await tabTo(page, '[name="password"]');
    await page.keyboard.type(DEMO_PASSWORD);
    await pressEnter(page);
    await tabTo(page, '[name="code"]');
    await page.keyboard.type(authenticator.code());
    await pressEnter(page);
    assert.equal(await heading(page), '管理後台');
    await assertFits(page);
    await tabTo(page, '[name="q"]');
    await page.keyboard.type('王大明');
    await pressEnter(page);
    await assertFits(page);
    await tabTo(page, 'a[data-person]');
    await pressEnter(page);
    assert.equal(await heading(page), '王大明');
    await assertFits(page);
    await tabTo(page, 'button[name="action"][value="unlock"]');
    await pressEnter(page);
    await tabTo(page, 'textarea[name="reason"]');
    await page.keyboard.type('家長來電');
    await tabTo(page, 'button[name="action"][value="unlock"]');
    await pressEnter(page);
    assert.match(await bodyText(page), /已解除鎖定/);
    await assertFits(page);
  });
});
