/** Own contacts and mail language on the account page, with the link of the confirmation mail. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';

const ADDRESS = 'meiling.new@parents.example';

describe('contacts on the account page', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  const openContacts = async (login: string): Promise<Page> => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(page, login);
    await press(page, 'a[href="/account/contacts"]');
    assert.equal(await heading(page), '登入帳號與聯絡方式');
    return page;
  };
  const notice = (page: Page): Promise<string> => page.locator('.notice[role="status"]').innerText();

  it('changes the email after confirmation, tells the old address, signs in with the new one', async () => {
    const { mail, issuer } = harness.environment;
    const page = await openContacts(LOGIN.G2);
    await page.fill('[name="email"]', ADDRESS);
    await press(page, 'form[action="/account/contacts/email"] button');
    assert.match(await notice(page), /已寄出確認信/);
    assert.match(await page.locator('[data-pending-email]').innerText(), new RegExp(ADDRESS));
    await page.goto(linkIn(await mailTo(mail, ADDRESS, '確認您的電子郵件地址')));
    assert.equal(await heading(page), '確認電子郵件地址');
    assert.equal(page.url().includes('token='), false);
    await press(page, 'form[action="/account/email/confirm"] button');
    assert.match(await notice(page), /電子郵件地址已變更/);
    await mailTo(mail, LOGIN.G2, '您的登入帳號已變更');

    const next = (await harness.newSession()).page;
    await next.goto(`${issuer}/account`);
    await fillSignIn(next, ADDRESS);
    assert.equal(await heading(next), '我的帳號');
    await press(next, next.getByRole('link', { name: '登入紀錄' }));
    assert.match(await bodyText(next), /登入成功/);
  });

  it('stores the language of mails', async () => {
    const page = await openContacts(LOGIN.G4);
    await page.selectOption('[name="language"]', 'en');
    await press(page, 'form[action="/account/language"] button');
    assert.match(await notice(page), /Your mail language has been saved: English\.\s+Change back to 中文/);
    assert.equal(await page.inputValue('select[name="language"]'), 'en');
  });
});
