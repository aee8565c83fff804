import { strict as assert } from 'node:assert';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { APPLICANT, codesTo, FAMILY_PASSWORD, PDF, SCHOOL_ACCOUNTS } from '../helpers/binding.ts';
import { assertAccessible } from '../helpers/accessibility.ts';
import { bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { press } from '../helpers/browser.ts';
import { setPassword } from '../helpers/city.ts';
import { activateSchoolAccount, answerNotice, confirmStudent } from '../helpers/family-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { signInStaff } from '../helpers/staff.ts';

/** A folder for screenshots of each step; no screenshots without it. */
const FOLDER = process.env['BINDING_SCREENSHOTS'];

/** Chooses a PNG of noise, which is larger than the limit of 5 MB, and waits until the page has made it smaller. */
const LARGE_PHOTO = `(async () => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1500;
  const context = canvas.getContext('2d');
  const image = context.createImageData(1500, 1500);
  for (let at = 0; at < image.data.length; at += 65536) crypto.getRandomValues(image.data.subarray(at, at + 65536));
  context.putImageData(image, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  const chosen = new DataTransfer();
  chosen.items.add(new File([blob], '戶口名簿.png', { type: 'image/png' }));
  const input = document.getElementById('evidence');
  input.files = chosen.files;
  input.dispatchEvent(new Event('change'));
  return blob.size;
})()`;

describe('the application of a family', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  let shots = 0;
  const check = async (page: Page, title: string): Promise<void> => {
    assert.equal(await heading(page), title);
    await assertAccessible(page, 'zh-TW');
    if (FOLDER === undefined) return;
    mkdirSync(FOLDER, { recursive: true });
    shots += 1;
    await page.screenshot({ path: join(FOLDER, `${String(shots).padStart(2, '0')}.png`), fullPage: true });
  };

  it('begins at an app, and ends with a submitted application', async () => {
    const { service, payment, mail } = harness.environment;
    await setPassword(service, 'H4', FAMILY_PASSWORD);
    const { page } = await harness.newSession();
    await page.goto(payment);
    await press(page, '#sign-in');
    await page.click('#school-sign-in');
    await page.fill('#school', SCHOOL_ACCOUNTS.H4.school);
    await page.fill('#account', SCHOOL_ACCOUNTS.H4.account);
    await page.fill('#password', FAMILY_PASSWORD);
    await press(page, '#submit');
    await check(page, '請先完成親子綁定');
    await press(page, '#start-binding');
    await check(page, '確認學生相關資訊');
    await press(page, '#submit');
    await check(page, '確認學生相關資訊');
    assert.match(await page.locator(':focus').innerText(), /請勾選「資訊正確」/);
    await page.reload();
    assert.match(await bodyText(page), /請勾選「資訊正確」/);
    await page.check('#confirm_student');
    await press(page, '#submit');
    await check(page, '個人資料告知事項');
    await page.check('input[name="notice"][value="decline"]');
    await press(page, '#submit');
    await check(page, '已收到您的回覆');
    await press(page, '#submit');
    await page.check('input[name="notice"][value="agree"]');
    await press(page, '#submit');
    await page.check('input[name="applicants"][value="caregiver"]');
    await page.fill('#valid_to', '2099-01-20');
    await check(page, '選擇申辦方式');
    await press(page, '#submit');
    await press(page, '#submit');
    await check(page, '申請人資料');
    await page.fill('#name_1', APPLICANT.name);
    await page.fill('#national_id_1', 'Y12');
    await press(page, '#submit');
    await check(page, '申請人資料');
    await page.fill('#mobile_1', '0912');
    await press(page, '#back');
    assert.equal(await heading(page), '選擇申辦方式');
    for (const move of [() => page.goBack(), () => page.goForward(), () => page.reload()]) {
      assert.equal((await move())?.status(), 200);
    }
    await press(page, '#submit');
    await check(page, '申請人資料');
    const typed = ['#name_1', '#national_id_1', '#mobile_1'].map((field) => page.inputValue(field));
    assert.deepEqual(await Promise.all(typed), [APPLICANT.name, 'Y12', '0912']);
    await page.fill('#name_1', APPLICANT.name);
    await page.selectOption('#relation_1', 'grandmother');
    await page.fill('#national_id_1', APPLICANT.nationalId);
    await page.fill('#mobile_1', APPLICANT.mobile);
    await page.fill('#email_1', APPLICANT.email);
    await press(page, '#submit');
    await check(page, '申請人資料');
    const [code = ''] = await pollUntil('the code', () => {
      const codes = codesTo(mail, APPLICANT.email);
      return codes.length > 0 ? codes : undefined;
    });
    await page.fill('#email_code_1', code);
    await press(page, '#submit');
    assert.ok(Number(await page.evaluate(LARGE_PHOTO)) > 5 * 1024 * 1024);
    await page.waitForSelector('#submit:enabled');
    await press(page, page.locator('button[name="stay"]'));
    assert.match(await bodyText(page), /戶口名簿\.jpg/);
    await page.setInputFiles('#evidence', { name: '委託書.pdf', mimeType: 'application/pdf', buffer: PDF });
    await press(page, page.locator('button[name="stay"]'));
    await check(page, '證明文件');
    await press(page, '#submit');
    await check(page, '確認並送出');
    await press(page, '#submit');
    await check(page, '待審核');
    assert.equal(await page.locator('body').getAttribute('data-application-state'), 'submitted');
    assert.match(await bodyText(page), /申請已送出，導師審核後會寄電子郵件通知您。/);
    await press(page, '#withdraw');
    await check(page, '確定要撤回申請嗎？');
  });

  it('ends with the receipt of a refusal, and no app shows the child', async () => {
    const { issuer, portfolio, service } = harness.environment;
    const { page } = await harness.newSession();
    await page.goto(`${issuer}/binding`);
    await activateSchoolAccount(page, 'H1');
    await confirmStudent(page);
    await answerNotice(page, 'disagree');
    await check(page, '已收到您的回覆');
    assert.equal(await page.getAttribute('body', 'data-notice-answer'), 'disagree');
    assert.match(await bodyText(page), /您的選擇 不同意 記錄時間 .+ 告知事項版本 \d/);
    await page.goto(portfolio);
    await press(page, '#sign-in');
    assert.equal(await heading(page), '請先完成親子綁定');
    assert.match(await bodyText(page), /您目前以學校帳號登入。/);
    assert.doesNotMatch(await bodyText(page), /王小安/);
    const { answer: queue } = await signInStaff(service, 'T2', '/console/applications');
    assert.doesNotMatch(queue.body, /王小安/);
  });
});
