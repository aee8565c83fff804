import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import type { Browser } from 'playwright-core';

import { openBrowser, fillNewPassword, fillSignIn, press } from '../helpers/browser.ts';
import { bodyText, heading, PHONE } from '../helpers/browser-harness.ts';
import {
  createInstallation,
  runProgram,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { linkIn } from '../helpers/mail.ts';
import { createAuthenticator } from '../helpers/second-factors.ts';

const EMAIL = 'ling@city.test';
const PASSWORD = 'kangaroo piano river';

describe('the first administrator of an empty database', () => {
  let home: Installation;
  let service: Program;
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
    home = await createInstallation({ city: false });
    service = await startProgram(home.env);
  });
  after(async () => {
    await browser.close();
    service.child.kill('SIGTERM');
    await service.ended;
    home.remove();
  });

  it('gets from the printed link to the console, with an own password and a second factor', async () => {
    const command = runProgram(['admin', 'invite', EMAIL, '--name', '王小玲'], home.env);
    assert.equal(await command.ended, 0);
    const page = await browser.newPage({ locale: 'zh-TW', viewport: PHONE });
    await page.goto(linkIn({ text: command.out() }));
    assert.equal(await heading(page), '設定您的密碼');
    await fillNewPassword(page, { next: PASSWORD });
    assert.equal(await heading(page), '密碼設定完成');
    await press(page, 'a.button');
    await fillSignIn(page, EMAIL, PASSWORD);
    const secret = await page.getAttribute('[data-totp-secret]', 'data-totp-secret');
    assert.ok(secret, 'the console asks for the enrollment of a second factor');
    await page.fill('[name="code"]', createAuthenticator(secret).code());
    await press(page, '#submit');
    assert.equal(await page.locator('[data-recovery-code]').count(), 10);
    await press(page, '#submit');
    assert.equal(page.url(), `${home.issuer}/console`);
    assert.match(await bodyText(page), /您的職務 局端管理者/);
  });
});
