import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { assertAccessible } from '../helpers/accessibility.ts';
import { assertFits } from '../helpers/browser-console.ts';
import { bodyText, DESKTOP, openBrowserHarness, PHONE, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press, setUpAuthenticator } from '../helpers/browser.ts';
import { personId } from '../helpers/city.ts';
import { pollUntil } from '../helpers/poll.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { STAFF_LOGIN } from '../helpers/staff.ts';

describe('the bureau', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(async () => {
    await harness.closeSessions();
    await removeSecondFactors(harness.environment.service, 'B1');
  });
  after(() => harness.close());

  const openConsole = async (page: Page): Promise<void> => {
    await page.goto(`${harness.environment.issuer}/console`);
    await fillSignIn(page, STAFF_LOGIN.B1);
    await setUpAuthenticator(page);
    await press(page, '#submit');
  };
  const assertFitsPhone = async (page: Page): Promise<void> => {
    await page.setViewportSize(PHONE);
    await assertFits(page);
    await page.setViewportSize(DESKTOP);
  };

  it('reads the numbers of the city and the audit log, and follows a verification', async () => {
    const { page } = await harness.newSession({ viewport: DESKTOP });
    const { issuer } = harness.environment;
    await openConsole(page);
    await pollUntil('the counts', async () => {
      await page.goto(`${issuer}/console`);
      return (await page.locator('svg.chart rect.chart-series-0').count()) > 0;
    });
    await assertFitsPhone(page);
    await assertAccessible(page, 'zh-TW');
    await page.goto(`${issuer}/console/audit?event=sign_in&person=x`);
    assert.match(await bodyText(page), /查無此人/);
    await assertAccessible(page, 'zh-TW');
    await page.goto(`${issuer}/console/audit?event=sign_in`);
    await assertFitsPhone(page);
    await assertAccessible(page, 'zh-TW');
    await page.goto(`${issuer}/console/people/${personId('B1')}/history`);
    await assertFitsPhone(page);
    await assertAccessible(page, 'zh-TW');
    await page.goto(`${issuer}/console/audit/verify`);
    await press(page, '#verification button');
    // The script of the page replaces the progress; nothing else loads the page.
    await page.waitForSelector('#verification code');
    assert.match(await bodyText(page), /紀錄完整/);
    await assertAccessible(page, 'zh-TW');
  });
});
