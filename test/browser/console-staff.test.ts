/** The staff of a school in the console: slips, requests with a colleague, and a whole class. */
import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { actionButton, openConsole, openPerson, perform } from '../helpers/browser-console.ts';
import { alertText, bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { setPassword } from '../helpers/city.ts';

const REASON = '家長來電，已核對班級座號';

describe('the staff of a school in a browser', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  const openSignIn = async (): Promise<Page> => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/account`);
    return page;
  };
  /** Issues a one-time code for a person. @returns the code of the slip */
  const issueCode = async (desk: Page, name: string): Promise<string> => {
    await openPerson(desk, name);
    await perform(desk, 'one-time-code', REASON);
    assert.equal(await heading(desk), '一次性登入碼');
    return (await desk.getAttribute('[data-one-time-code]', 'data-one-time-code')) ?? '';
  };

  it('requests a code for a teacher, which the bureau confirms and hands over', async () => {
    const desk = await openConsole(harness, 'A1');
    await openPerson(desk, '林志豪');
    await perform(desk, 'one-time-code', REASON);
    assert.equal(await desk.getAttribute('body', 'data-request-state'), 'pending');
    const bureau = await openConsole(harness, 'B1');
    await press(bureau, bureau.getByRole('link', { name: '待確認的申請' }));
    await press(bureau, bureau.locator('a[data-request]').filter({ hasText: '開立一次性登入碼' }));
    await bureau.fill('textarea[name="reason"]', '已致電本人確認');
    await press(bureau, 'button[name="answer"][value="confirm"]');
    const code = (await bureau.getAttribute('[data-one-time-code]', 'data-one-time-code')) ?? '';
    const teacher = await openSignIn();
    await fillSignIn(teacher, LOGIN.T2);
    assert.match(await alertText(teacher), /帳號或密碼不正確/);
    await fillSignIn(teacher, LOGIN.T2, code);
    assert.equal(await heading(teacher), '請設定您自己的密碼');
    await setPassword(harness.environment.service, 'T2', DEMO_PASSWORD);
  });

  it('sees that five wrong tries have closed a code, and issues another', async () => {
    const desk = await openConsole(harness, 'A1');
    const code = await issueCode(desk, '李美玲');
    const parent = await openSignIn();
    for (let i = 0; i < 5; i += 1) await fillSignIn(parent, LOGIN.G2, 'AAAAAAAAAA');
    await openPerson(desk, '李美玲');
    assert.match(await bodyText(desk), /一次性登入碼因輸入錯誤 5 次已失效/);
    await fillSignIn(parent, LOGIN.G2, code);
    assert.notEqual(await alertText(parent), '');
    await fillSignIn(parent, LOGIN.G2, await issueCode(desk, '李美玲'));
    assert.equal(await heading(parent), '請設定您自己的密碼');
    await setPassword(harness.environment.service, 'G2', DEMO_PASSWORD);
  });

  it('requests a new email of a parent, which a colleague confirms', async () => {
    const desk = await openConsole(harness, 'A1');
    const registrar = await openConsole(harness, 'A2');
    await openPerson(desk, '王大明');
    await perform(desk, 'change-email', REASON, 'daming.new@parents.example');
    assert.equal(await desk.getAttribute('body', 'data-request-state'), 'pending');
    assert.equal(await desk.locator('button[name="answer"][value="confirm"]').count(), 0);
    await press(registrar, registrar.getByRole('link', { name: '待確認的申請' }));
    await press(registrar, registrar.locator('a[data-request]'));
    assert.match(await bodyText(registrar), /daming\.wang@parents\.example[\s\S]*daming\.new@parents\.example/);
    await registrar.fill('textarea[name="reason"]', '已回電確認');
    await press(registrar, 'button[name="answer"][value="confirm"]');
    assert.match(await bodyText(registrar), /電子郵件已變更/);
    for (const page of [desk, registrar]) {
      await page.goto(`${harness.environment.issuer}/console/requests?state=closed`);
      assert.match(await page.locator('table').innerText(), /王大明[\s\S]*張立人[\s\S]*已確認 · 許雅文/);
    }
  });

  it('issues codes for a class: dry run, progress, report, CSV, and labels that print once', async () => {
    const desk = await openConsole(harness, 'A1');
    await press(desk, desk.getByRole('link', { name: '班級', exact: true }));
    await press(desk, desk.locator('a[data-class]').filter({ hasText: '高二3班' }));
    await desk.check('[name="scope"][value="class"]');
    await desk.fill('textarea[name="reason"]', '新學期發放');
    await press(desk, actionButton(desk, 'slips'));
    assert.equal(await desk.getAttribute('body', 'data-bulk-state'), 'draft');
    const planned = await desk.locator('tr[data-row-state="pending"]').count();
    assert.ok(planned > 1);
    await press(desk, desk.getByRole('button', { name: `開始執行（${String(planned)} 人）` }));
    // The page loads itself again until the run is finished.
    await desk.waitForSelector('body[data-bulk-state="finished"]');
    assert.equal(await desk.locator('tr[data-row-state="done"]').count(), planned);
    const started = desk.waitForEvent('download');
    await desk.click('a[href$="/report.csv"]');
    assert.match(await readFile(await (await started).path(), 'utf8'), /"王小安","完成",""/);
    await press(desk, 'button[name="layout"][value="labels"]');
    assert.equal(await desk.locator('[data-one-time-code]').count(), planned);
    await press(desk, desk.getByRole('link', { name: '回到班級' }));
    assert.match(await bodyText(desk), /登入碼已經列印過/);
  });
});
