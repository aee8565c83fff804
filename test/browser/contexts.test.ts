import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { bodyText, childNames, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { setPassword } from '../helpers/city.ts';
import { choiceButton, choose, fillSignIn, press, signIn, switchTo } from '../helpers/browser.ts';

describe('context selection and switching on a phone', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('a mother chooses a child and switches to another without a password (claims, rule 7)', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.payment, LOGIN.G2);
    assert.equal(await heading(page), '這次要以什麼身分使用？');
    assert.match(await bodyText(page), /前往：校園繳費系統/);
    assert.equal(await choiceButton(page, '家長：王小安', '示範高中', '高二3班').count(), 1);
    assert.equal(await choiceButton(page, '家長：王小樂', '示範國小', '五年1班').count(), 1);
    const avatars = await page.locator('.choice .icon-badge').all();
    const letters = await Promise.all(avatars.map((avatar) => avatar.getAttribute('data-letter')));
    assert.deepEqual(letters, ['安', '樂']);
    await choose(page, '王小安');
    assert.deepEqual(await childNames(page), ['王小安']);
    const first = await billNumbers(page);

    await switchTo(page, '家長：王小樂');
    assert.deepEqual(await childNames(page), ['王小樂']);
    assert.ok(page.url().startsWith(`${harness.environment.payment}/c/`), page.url());
    assert.notDeepEqual(await billNumbers(page), first);
    assert.match(await bodyText(page), /您正在查看 王小樂 示範國小 五年1班/);
  });

  it('the menu closes by Esc, an outside tap and tabbing away; the child stays in view', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.payment, LOGIN.G2);
    await choose(page, '王小樂');
    const menu = page.locator('#menu');
    const isBelowButton = async (): Promise<boolean> => {
      const [button, panel] = await Promise.all([page.locator('.menu-button').boundingBox(), menu.boundingBox()]);
      return button !== null && panel !== null && panel.y >= button.y + button.height && panel.x >= 0;
    };
    for (const close of [
      () => page.keyboard.press('Escape'),
      () => page.mouse.click(4, 700),
      async () => {
        for (let i = 0; i < 6; i += 1) await page.keyboard.press('Tab');
      },
    ]) {
      await page.click('.menu-button');
      assert.ok(await isBelowButton());
      await close();
      assert.equal(await menu.isVisible(), false);
    }
    const avatars = await page.locator('.block-children .avatar').all();
    const letters = await Promise.all(avatars.map((avatar) => avatar.getAttribute('data-letter')));
    assert.deepEqual(letters, ['安', '樂']);
    await press(page, page.locator('.bill a').first());
    assert.match(await page.locator('#pay').innerText(), /^替王小樂繳費 NT\$ [\d,]+$/);
    await page.setViewportSize({ width: 390, height: 500 });
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    assert.equal((await page.locator('.context-bar').boundingBox())?.y, 0);
  });

  it('all children are paid together, and the other guardian sees who paid', async () => {
    const { payment } = harness.environment;
    const { page } = await harness.newSession();
    await signIn(page, payment, LOGIN.G2);
    await choose(page, '王小安');
    await press(page, '#family a');
    assert.match(await bodyText(page), /您正在查看 全部孩子（2 位）/);
    assert.deepEqual(await childNames(page), ['王小安', '王小樂']);
    await press(page, page.locator('main a[href*="/switch?"]').first());
    assert.deepEqual(await childNames(page), ['王小樂']);
    assert.match(page.url(), /\/bills\/\w+$/);
    await page.goBack();
    const total = await page.locator('.amount').innerText();
    await press(page, '#pay-all');
    assert.equal(await heading(page), '繳費完成');
    assert.equal(await page.locator('#receipt:focus .amount').innerText(), total);
    await setPassword(harness.environment.service, 'G1', DEMO_PASSWORD);
    const other = (await harness.newSession()).page;
    await signIn(other, payment, LOGIN.G1);
    if ((await choiceButton(other).count()) > 0) await choose(other, '王小安');
    assert.match(await bodyText(other), /由 李美玲 繳費/);
    await press(other, other.locator('.bill a').first());
    assert.equal(await other.locator('.summary-list div', { hasText: '繳費人' }).locator('dd').innerText(), '李美玲');
  });

  it('two tabs with different children keep their context after a reload (claims, rule 8)', async () => {
    const { page: left, newTab } = await harness.newSession();
    await signIn(left, harness.environment.payment, LOGIN.G2);
    await choose(left, '王小安');
    const right = await newTab();
    await right.goto(harness.environment.payment);
    await press(right, '#continue');
    await switchTo(right, '家長：王小樂');
    for (let round = 0; round < 2; round += 1) {
      await Promise.all([left.reload(), right.reload()]);
      assert.deepEqual(await childNames(left), ['王小安']);
      assert.deepEqual(await childNames(right), ['王小樂']);
    }
    await press(left, left.locator('.bill a').first());
    assert.deepEqual(await childNames(left), ['王小安']);
    assert.notEqual(left.url().split('/bills/')[0], right.url().replace(/\/$/, ''));
  });

  it('the last choice of each app is marked, and the order stays (docs/claims.md, rule 7)', async () => {
    const orders = new Set<string>();
    for (const child of ['王小樂', '王小安']) {
      const { page } = await harness.newSession();
      await signIn(page, harness.environment.payment, LOGIN.G2);
      await choose(page, child);
      await page.goto(harness.environment.payment);
      await press(page, '#sign-in');
      assert.equal(await heading(page), '這次要以什麼身分使用？');
      const marked = choiceButton(page, '上次使用');
      assert.equal(await marked.count(), 1);
      assert.match(await marked.innerText(), new RegExp(child));
      orders.add((await choiceButton(page).first().innerText()).replace('上次使用', '').trim());
    }
    assert.equal(orders.size, 1);
  });

  it('a teacher with a child chooses, and sees either the class or the child', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, LOGIN.T1);
    assert.equal(await choiceButton(page).count(), 2);
    await choose(page, '教師：明德高中');
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'teacher');
    assert.equal(await heading(page), '班級學生');
    assert.ok((await page.locator('tbody tr').count()) > 10);
    assert.deepEqual(await childNames(page), []);
    assert.equal(await page.locator('.drawer').count(), 0);
    const main = await page.locator('main').innerText();
    assert.doesNotMatch(main, /陳以恩/);
    const refused = await page.goto(`${page.url()}drawers/course`);
    assert.equal(refused?.status(), 403);

    await switchTo(page, '家長：陳以恩');
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'parent');
    assert.deepEqual(await childNames(page), ['陳以恩']);
    assert.deepEqual(await page.locator('.drawer h2').allInnerTexts(), ['課程學習成果', '多元表現']);

    await switchTo(page, '教師：明德高中');
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'teacher');
    assert.ok(page.url().startsWith(`${environment.portfolio}/c/`), page.url());
  });

  it('a student gets no choice and reads the own three drawers', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.portfolio, LOGIN.S1);
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'student');
    assert.deepEqual(await page.locator('.drawer h2').allInnerTexts(), ['課程學習成果', '多元表現', '其他']);
    await press(page, 'section[aria-labelledby="other"] a');
    assert.match(await bodyText(page), /自傳|學習計畫|多元表現綜整心得/);
  });

  it('a student sees at payment that this role has no bills', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.payment, LOGIN.S1);
    assert.equal(await heading(page), '這個身分在這裡沒有資料');
    assert.equal(await page.locator('.bill').count(), 0);
  });
});

describe('parents with limited access', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('a suspended guardianship shows no child and no reason anywhere (claims, rule 5)', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession();
    const seen: string[] = [];
    const look = async (): Promise<void> => {
      seen.push(`${await page.content()} ${page.url()}`);
    };
    for (const [party, app] of [
      [environment.portfolio, '學習歷程檔案'],
      [environment.payment, '校園繳費系統'],
    ] as const) {
      await page.goto(party);
      await press(page, '#sign-in');
      if ((await page.locator('[name="password"]').count()) > 0) await fillSignIn(page, LOGIN.G3);
      assert.match(await bodyText(page), new RegExp(`目前沒有可在「${app}」查看的學生資料。若您認為有誤，請洽學校。`));
      await look();
      await press(page, '#submit');
      assert.ok(page.url().startsWith(party), page.url());
      await look();
    }
    await page.goto(`${environment.issuer}/account`);
    assert.match(await bodyText(page), /周建國/);
    await look();
    assert.equal(seen.length, 5);
    for (const html of seen) assert.doesNotMatch(html, /周子晴|示範高工|法院|停權|暫停|suspend|court/i);
  });

  it('a delegated caregiver has no portfolio, and sees bills without a payment button', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, LOGIN.G4);
    assert.match(await bodyText(page), /您與周子晴的綁定不包含「學習歷程檔案」的項目。/);
    assert.deepEqual(await childNames(page), []);

    await page.goto(environment.payment);
    await press(page, '#sign-in');
    assert.deepEqual(await childNames(page), ['周子晴']);
    assert.ok((await page.locator('.bill').count()) > 0);
    await press(page, page.locator('.bill a').first());
    assert.equal(await page.getAttribute('[data-bill-state]', 'data-bill-state'), 'unpaid');
    assert.equal(await page.locator('#pay').count(), 0);
    assert.match(await bodyText(page), /繳費不在您的權限內。/);
  });

  it('a person without a child can sign in with a different account', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.portfolio, LOGIN.G3);
    await press(page, page.getByText('以其他帳號登入'));
    assert.equal(await heading(page), '登入');
    assert.equal(await page.locator('[name="login"]').isEditable(), true);
    await fillSignIn(page, LOGIN.G2);
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('a person with locale en gets all pages in English, also at the apps', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession({ locale: 'en-GB' });
    await page.goto(environment.portfolio);
    await isEnglish(page);
    await press(page, '#sign-in');
    assert.equal(await heading(page), 'Sign in');
    await isEnglish(page);
    await fillSignIn(page, LOGIN.G5, 'wrong password');
    assert.match(await bodyText(page), /Incorrect account or password\./);
    await isEnglish(page);
    await fillSignIn(page, LOGIN.G5);
    assert.deepEqual(await childNames(page), ['林可欣']);
    await isEnglish(page);
    await press(page, page.locator('.drawer a').first());
    await isEnglish(page);
    await press(page, page.locator('.files a').first());
    await isEnglish(page);
    await page.goto(environment.payment);
    await press(page, '#sign-in');
    assert.equal(await heading(page), 'Bills');
    await isEnglish(page);
    await press(page, page.locator('.bill a').first());
    await isEnglish(page);
    await press(page, '#pay');
    assert.match(await bodyText(page), /This bill is settled\./);
    await isEnglish(page);
    for (const path of ['/account', '/account/password', '/forgot-password', '/session/end', '/nowhere']) {
      await page.goto(environment.issuer + path);
      await isEnglish(page);
    }
    await page.goto(`${environment.payment}/sign-out`);
    await isEnglish(page);
    await press(page, page.getByRole('main').getByRole('button', { name: 'Sign out' }));
    await isEnglish(page);
    await press(page, '#submit');
    assert.match(await bodyText(page), /You are signed out\./);
    await isEnglish(page);
  });

  it('the locale of the person overrides a Chinese browser language at the apps', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.payment, LOGIN.G5);
    assert.equal(await heading(page), 'Bills');
  });
});

async function billNumbers(page: Page): Promise<string[]> {
  return page.locator('.bill .price').allInnerTexts();
}

/** Asserts an English page: Chinese only in names, in elements marked as Chinese, and in the language switch. */
async function isEnglish(page: Page): Promise<void> {
  assert.match((await page.getAttribute('html', 'lang')) ?? '', /^en/, page.url());
  const text = `${await page.title()} ${await page.locator('body').innerText()}`;
  const names = /林可欣|明德高中|高一4班/g;
  const marked = await page.locator('[lang^="zh"]').allInnerTexts();
  const rest = marked.flatMap((part) => part.split('\n')).reduce((left, part) => left.replaceAll(part, ''), text);
  assert.doesNotMatch(rest.replace(names, ''), /\p{Script=Han}/u, page.url());
}
