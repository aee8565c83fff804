/** What a bureau administrator does in the console, and what others see of it. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { MIN_PUBLICATION_MS } from '../../src/services/keys/key-ring.ts';
import { idClaims, LOGIN } from '../helpers/authorization-flow.ts';
import { actionButton, confirmChange, openConsole, openPerson } from '../helpers/browser-console.ts';
import {
  alertText,
  bodyText,
  childNames,
  heading,
  openBrowserHarness,
  type BrowserHarness,
} from '../helpers/browser-harness.ts';
import { choose, fillSignIn, press, signIn } from '../helpers/browser.ts';
import { mailsTo, mailTo } from '../helpers/mail.ts';
import { createParty } from '../helpers/relying-party.ts';
import { insertDeadMail } from '../helpers/dead-letters.ts';

const REASON = '依核准公文辦理';

describe('the bureau in a browser', () => {
  let harness: BrowserHarness;
  let page: Page;
  before(async () => {
    harness = await openBrowserHarness();
  });
  beforeEach(async () => {
    page = await openConsole(harness, 'B1');
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  const link = (name: string) => page.locator('main, body').getByRole('link', { name, exact: true }).first();
  const open = (path: string) => page.goto(`${harness.environment.issuer}/console${path}`);
  const notice = (): Promise<string> => page.locator('.notice[role="status"]').innerText();

  it('adds a school, gives a duty there and ends it, and closes the school', async () => {
    await press(page, link('學校'));
    await press(page, link('新增學校'));
    await page.fill('[name="code"]', '123601');
    await page.fill('[name="name"]', '青山國小');
    await page.fill('[name="nameEn"]', 'Green Hill Elementary School');
    await page.selectOption('[name="type"]', 'elementary');
    await press(page, '#submit');
    assert.equal(await heading(page), '確認新增學校');
    await confirmChange(page, REASON);
    assert.match(await notice(), /已儲存/);
    assert.match(await page.locator('tr', { hasText: '123601' }).innerText(), /青山國小/);

    await openPerson(page, '陳淑芬');
    await press(page, link('管理職務'));
    await press(page, link('新增職務'));
    await page.selectOption('[name="duty"]', 'registrar');
    await page.selectOption('[name="school"]', '123601');
    await press(page, '#submit');
    assert.equal(await heading(page), '確認為陳淑芬新增職務');
    assert.match(await bodyText(page), /註冊組[\s\S]*青山國小/);
    await confirmChange(page, REASON);
    const duty = page.locator('[data-membership]', { hasText: '青山國小' });
    assert.match(await duty.innerText(), /註冊組/);
    await press(page, duty.locator('button'));
    assert.match(await bodyText(page), /立即生效：此人失去這項職務的權限/);
    await confirmChange(page, REASON);
    assert.match(await duty.innerText(), /已結束/);

    await open('/schools');
    await press(page, page.locator('a[data-school="123601"]'));
    await press(page, page.getByRole('button', { name: '關閉學校' }));
    assert.match(await bodyText(page), /不能再新增這所學校的職務和學籍/);
    await confirmChange(page, REASON);
    await open('/schools');
    assert.match(await page.locator('tr', { hasText: '123601' }).innerText(), /已關閉/);
  });

  it('changes a policy, which a parent sees at the next password change', async () => {
    await press(page, link('政策設定'));
    await page.fill('[name="passwordMinLength"]', '20');
    await press(page, '#submit');
    assert.match(await bodyText(page), /密碼最短長度（字元） 12 20/);
    await confirmChange(page, REASON);
    assert.match(await notice(), /已儲存，立即生效/);
    const parent = await harness.newSession();
    await parent.page.goto(`${harness.environment.issuer}/account/password`);
    await fillSignIn(parent.page, LOGIN.G2);
    await parent.page.goto(`${harness.environment.issuer}/account/password`);
    assert.match(await bodyText(parent.page), /至少 ?20 ?個字元/);
  });

  it('publishes an announcement, which a parent sees before and after the sign-in', async () => {
    await press(page, link('公告'));
    await page.fill('[name="chinese"]', '週六上午停機維護');
    await page.fill('[name="english"]', 'Maintenance on Saturday morning');
    await page.fill('[name="from"]', '2020-01-01T00:00');
    await page.fill('[name="until"]', '2099-01-01T00:00');
    await press(page, '#submit');
    assert.equal(await heading(page), '確認發布公告');
    await confirmChange(page, REASON);
    const parent = await harness.newSession();
    await parent.page.goto(`${harness.environment.issuer}/account`);
    assert.match(await bodyText(parent.page), /週六上午停機維護/);
    await fillSignIn(parent.page, LOGIN.G2);
    assert.equal(await heading(parent.page), '我的帳號');
    assert.match(await bodyText(parent.page), /週六上午停機維護/);
    const foreigner = await harness.newSession({ locale: 'en' });
    await foreigner.page.goto(`${harness.environment.issuer}/account`);
    assert.match(await bodyText(foreigner.page), /Maintenance on Saturday morning/);
  });

  /** Fills in the registration of an app. @returns the secret that the page shows */
  const register = async (clientId: string): Promise<string> => {
    await press(page, link('應用程式'));
    await press(page, link('註冊應用程式'));
    await page.fill('[name="client_id"]', clientId);
    await page.fill('[name="name_zh"]', '午餐繳費');
    await page.fill('[name="name_en"]', 'Lunch payment');
    await page.fill('[name="redirect_uris"]', `https://${clientId}.example/callback`);
    await page.check('[name="scopes"][value="openid"]');
    for (const box of await page.locator('[name="school_types"]').all()) await box.check();
    await page.check('[name="first_party"]');
    await press(page, '#submit');
    assert.equal(await heading(page), '確認註冊', await alertText(page));
    await confirmChange(page, REASON);
    assert.match(await bodyText(page), /只顯示這一次/);
    return shownSecret();
  };
  const shownSecret = async (): Promise<string> =>
    (await page.getAttribute('[data-client-secret]', 'data-client-secret')) ?? '';
  const performClientAction = async (clientId: string, action: string): Promise<void> => {
    await open(`/clients/${clientId}`);
    await press(page, actionButton(page, action));
    await page.fill('textarea[name="reason"]', REASON);
    await press(page, actionButton(page, action));
  };
  /** Signs a parent in at the app, which redeems the code with this secret. @returns the audience of the ID token */
  const signInAt = async (id: string, secret: string): Promise<unknown> => {
    const app = await createParty(harness.environment.issuer, { id, scope: 'openid', secret });
    const begun = await app.begin();
    const { page: parent } = await harness.newSession();
    await parent.goto(begun.url);
    assert.match(await bodyText(parent), /前往：午餐繳費/);
    const left = parent.waitForRequest((request) => request.url().startsWith(`https://${id}.example/callback`));
    await parent.fill('[name="login"]', LOGIN.G2);
    await parent.fill('[name="password"]', DEMO_PASSWORD);
    await parent.click('#submit');
    const leavesTo = new URL((await left).url());
    return idClaims(await begun.finish({ status: 303, url: '', headers: new Headers(), body: '', leavesTo }))['aud'];
  };

  it('registers an app that signs a parent in, rotates its secret, and disables it', async () => {
    const old = await register('lunch');
    await press(page, link('前往應用程式頁面'));
    assert.equal(await heading(page), '午餐繳費');
    assert.equal(await signInAt('lunch', old), 'lunch');

    await performClientAction('lunch', 'rotate-secret');
    const fresh = await shownSecret();
    assert.notEqual(fresh, old);
    assert.match(await bodyText(page), /舊金鑰還可使用 7 天/);
    for (const secret of [old, fresh]) assert.equal(await signInAt('lunch', secret), 'lunch');

    await performClientAction('lunch', 'disable');
    assert.match(await notice(), /應用程式已停用/);
    const app = await createParty(harness.environment.issuer, { id: 'lunch', scope: 'openid', secret: fresh });
    const { page: parent } = await harness.newSession();
    const refused = await parent.goto((await app.begin()).url);
    assert.equal(refused?.status(), 400);
    assert.equal(await parent.locator('[name="password"]').count(), 0);
    assert.match(await bodyText(parent), /無法從這個應用程式登入/);
  });

  it('rotates the signing keys, and keeps signing people in', async () => {
    const { store } = harness.environment.service.container;
    // A key may sign after ten minutes of publication.
    await store.write(async (tx) => {
      const { keys } = tx.tables;
      await tx.db.update(keys).set({ createdAt: Date.now() - 2 * MIN_PUBLICATION_MS });
    });
    await press(page, link('簽章金鑰'));
    const current = await page.locator('tr[data-key-state="current"]').allInnerTexts();
    await press(page, link('立即輪替金鑰'));
    await page.fill('textarea[name="reason"]', REASON);
    await press(page, 'button[name="action"][value="rotate"]');
    assert.match(await notice(), /已輪替金鑰/);
    assert.notDeepEqual(await page.locator('tr[data-key-state="current"]').allInnerTexts(), current);
    assert.equal(await page.locator('tr[data-key-state="previous"]').count(), current.length);
    const { page: parent } = await harness.newSession();
    await signIn(parent, harness.environment.payment, LOGIN.G2);
    await choose(parent, '王小安');
    assert.deepEqual(await childNames(parent), ['王小安']);
  });

  it('sends an undelivered mail again, and drops another', async () => {
    const { service, mail } = harness.environment;
    const [kept, dropped] = [await insertDeadMail(service, LOGIN.G1), await insertDeadMail(service, LOGIN.G4)];
    await press(page, link('未送達的通知'));
    const rows = page.locator('tr[data-dead-letter]');
    assert.equal(await rows.count(), 2);
    assert.doesNotMatch(await bodyText(page), new RegExp(LOGIN.G1));
    await press(page, page.locator(`[data-dead-letter="${kept}"]`).getByRole('link', { name: '重新寄送' }));
    await page.fill('textarea[name="reason"]', REASON);
    await press(page, 'button[name="action"][value="retry"]');
    assert.match(await notice(), /已排入寄送（1 筆）/);
    await press(page, page.locator(`[data-dead-letter="${dropped}"]`).getByRole('link', { name: '刪除' }));
    await page.fill('textarea[name="reason"]', REASON);
    await press(page, 'button[name="action"][value="drop"]');
    assert.match(await notice(), /已刪除（1 筆）/);
    assert.match(await bodyText(page), /沒有未送達的通知/);
    await mailTo(mail, LOGIN.G1, '');
    assert.deepEqual(mailsTo(mail, LOGIN.G4, ''), []);
  });
});
