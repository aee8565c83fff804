/** The review of an application in a browser, and the way of a new guardian into the portfolio. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from '../helpers/accessibility.ts';
import { NEW_FATHER, storeApplication } from '../helpers/applications.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { assertFits, openConsole } from '../helpers/browser-console.ts';
import { bodyText, childNames, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillNewPassword, press, signIn } from '../helpers/browser.ts';
import { activateSchoolAccount, answerNotice, apply, confirmStudent } from '../helpers/family-browser.ts';
import { mailTo } from '../helpers/mail.ts';

const MOTHER = {
  ...{ name: '林美惠', relation: 'mother', nationalId: 'Y200500203' },
  ...{ mobile: '0900000502', email: 'meihui.lin@parents.example' },
};

const decision = (name: string): string => `button[name="decision"][value="${name}"]`;

describe('the review of applications in a browser', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness();
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  it('follows a family from the school account to the portfolio (F-A)', async () => {
    const { environment } = harness;
    const family = await harness.newSession();
    const { page } = family;
    await page.goto(`${environment.issuer}/binding`);
    await activateSchoolAccount(page, 'H4');
    await confirmStudent(page);
    await answerNotice(page, 'agree');
    await apply(page, environment.mail, { kind: 'one', applicants: [MOTHER] });
    const teacher = await openConsole(harness, 'T2', '/console/applications');
    await press(teacher, 'a[data-application]');
    await press(teacher, decision('approve'));
    assert.equal(await teacher.getAttribute('body', 'data-application-state'), 'approved');
    await page.reload();
    assert.equal(await page.getAttribute('body', 'data-application-state'), 'approved');
    await mailTo(environment.mail, MOTHER.email, '親子綁定已完成');
    const { page: own } = await harness.newSession();
    await signIn(own, environment.portfolio, MOTHER.email, MOTHER.nationalId.slice(-6));
    await fillNewPassword(own, { next: 'nine brave herons fly' });
    assert.deepEqual(await childNames(own), ['吳小華']);
  });

  it('leads a new guardian into the portfolio, with this child only', async () => {
    const { environment } = harness;
    await storeApplication(environment.service, {
      files: [{ name: '戶籍謄本.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF-1.7') }],
    });
    const teacher = await openConsole(harness, 'T2');
    await press(teacher, teacher.getByRole('link', { name: '綁定申請' }));
    await assertAccessible(teacher, 'zh-TW');
    await assertFits(teacher);
    await press(teacher, 'a[data-application]');
    assert.equal(await heading(teacher), '吳小華 的親子綁定申請');
    await assertAccessible(teacher, 'zh-TW');
    await assertFits(teacher);
    await press(teacher, decision('return'));
    assert.match(await bodyText(teacher), /請填寫/);
    await press(teacher, decision('approve'));
    assert.equal(await teacher.getAttribute('body', 'data-application-state'), 'approved');
    assert.match(await bodyText(teacher), /已建立新的帳號/);
    await assertAccessible(teacher, 'zh-TW');
    await mailTo(environment.mail, NEW_FATHER.email, '親子綁定已完成');
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, NEW_FATHER.email, NEW_FATHER.nationalId.slice(-6));
    assert.equal(await heading(page), '請設定您自己的密碼');
    await fillNewPassword(page, { next: 'nine brave herons fly' });
    assert.deepEqual(await childNames(page), ['吳小華']);
  });

  it('ends in a rejection, after which no account has the child', async () => {
    const { environment } = harness;
    const guardian = { ...NEW_FATHER, nationalId: 'Y200100301', name: '李美玲', email: 'li@parents.example' };
    await storeApplication(environment.service, { applicants: [guardian] });
    const registrar = await openConsole(harness, 'A2', '/console/applications');
    await press(registrar, 'a[data-application]');
    await registrar.fill('textarea[name="reason"]', '證明文件不足');
    await press(registrar, decision('reject'));
    assert.equal(await registrar.getAttribute('body', 'data-application-state'), 'rejected');
    await mailTo(environment.mail, guardian.email, '未獲核准');
    const { page } = await harness.newSession();
    await signIn(page, environment.portfolio, LOGIN.G2);
    assert.deepEqual(await childNames(page), ['王小安']);
  });
});
