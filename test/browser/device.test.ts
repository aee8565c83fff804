import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import * as client from 'openid-client';

import { assertAccessible } from '../helpers/accessibility.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { alertText, bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';

const SECRET = newSecret();
const TELEVISION = createRegistration('television', SECRET, { scopes: ['openid'], device_flow: true });

/** RFC 8628, section 3.3.1: a television shows a QR code with the URL and the code. */
describe('verification_uri_complete', () => {
  let harness: BrowserHarness;
  let television: TestParty;
  before(async () => {
    harness = await openBrowserHarness({ clients: [TELEVISION] });
    television = await createParty(harness.environment.issuer, { id: 'television', secret: SECRET, scope: 'openid' });
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  const show = async (): Promise<{ code: string; address: string }> => {
    const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
    return { code: shown.user_code, address: shown.verification_uri_complete ?? '' };
  };

  it('leads directly to the code confirmation, and back returns to the form', async () => {
    const { code, address } = await show();
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/forgot-password`);
    await page.goto(address);
    await page.waitForSelector('button[name="confirm"]');
    assert.equal(await heading(page), '允許裝置登入「測試 television」？');
    assert.ok((await bodyText(page)).includes(code));
    await page.goBack();
    assert.equal(await heading(page), '忘記帳號或密碼');
  });

  it('works without JavaScript: a page with the code and a button', async () => {
    const { code, address } = await show();
    const { page } = await harness.newSession({ javaScriptEnabled: false });
    await page.goto(address);
    assert.equal(await heading(page), '連結您的裝置');
    assert.equal(await page.inputValue('[name="user_code"]'), code);
    await press(page, '#submit');
    await press(page, 'button[name="confirm"]');
    await fillSignIn(page, LOGIN.S1);
    assert.equal(await heading(page), '裝置已連結');
  });

  it('shows the account for the device, and allows to sign in with a different account', async () => {
    const { code, address } = await show();
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(page, LOGIN.T2);
    await page.goto(address);
    await page.waitForSelector('button[name="confirm"]');
    const text = await bodyText(page);
    assert.ok(text.includes('您將以 林志豪（'), text);
    assert.ok(text.includes(code));
    await assertAccessible(page, 'zh-TW');
    await press(page, 'button[value="other_account"]');
    await fillSignIn(page, LOGIN.S1);
    await page.waitForSelector('.status-icon');
    assert.equal(await heading(page), '裝置已連結');
    assert.match(await bodyText(page), /以 [^（]+（[^）]+）的帳號允許。/);
    await assertAccessible(page, 'zh-TW');
  });

  it('shows the cancellation page when the person denies the device', async () => {
    const { address } = await show();
    const { page } = await harness.newSession();
    await page.goto(address);
    await page.waitForSelector('button[name="confirm"]');
    assert.ok((await bodyText(page)).includes('接下來請登入；裝置會使用您登入的帳號。'));
    await press(page, 'button[name="abort"]');
    assert.equal(await heading(page), '已拒絕，裝置不會登入');
    assert.equal(await page.locator('[role="alert"]').count(), 0);
    await assertAccessible(page, 'zh-TW');
  });

  it('shows when to try again after too many wrong codes', async () => {
    const { page } = await harness.newSession();
    for (const last of 'BCDFG') {
      await page.goto(`${harness.environment.issuer}/device?user_code=BBBB-BBB${last}`);
      await page.waitForSelector('[role="alert"]');
    }
    await page.fill('[name="user_code"]', 'BBBB-BBBH');
    await press(page, '#submit');
    assert.match(await alertText(page), /代碼輸入錯誤次數過多，請於 .+ 後再輸入一次/);
    await assertAccessible(page, 'zh-TW');
  });

  it('shows the error of a code at its field, and does not resubmit it', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/device?user_code=BBBB-BBBB`);
    await page.waitForSelector('[role="alert"]');
    assert.equal(await page.inputValue('[name="user_code"]'), 'BBBB-BBBB');
    await assertAccessible(page, 'zh-TW');
  });
});
