import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';
import { ADULTS } from '../../demo/city/fixtures.ts';
import { assertPage } from '../helpers/accessibility.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { mailTo } from '../helpers/mail.ts';

describe('a forgotten account in a browser', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('solves the human check in a worker, and a submission before its end waits for it', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/forgot-account`);
    await page.fill('#national_id', ADULTS.G2.nationalId);
    await page.fill('#contact', LOGIN.G2);
    await page.click('#submit');
    await page.waitForSelector('text=我們已經把您的帳號寄出');
    await mailTo(harness.environment.mail, LOGIN.G2, '您的登入帳號');
  });

  it('says when the check is complete, and is accessible', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/forgot-account`);
    await page.waitForSelector('[data-human-check][data-state="done"]');
    assert.match(await page.innerText('[data-human-check] [role="status"]'), /已確認不是自動程式/);
    await assertPage({ page, view: 'forgot-account/request', lang: 'zh-TW' });
  });
});
