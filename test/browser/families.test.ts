/** The families of the demo city, from the school account to the apps. F-A is in application-review.test.ts. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import { and, eq } from 'drizzle-orm';
import type { Page } from 'playwright-core';

import { ADULTS } from '../../demo/city/fixtures.ts';
import { localDate } from '../../src/domain/clock.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { FAMILY_PASSWORD, type FamilyKey, type TypedApplicant } from '../helpers/binding.ts';
import { bodyText, childNames, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { choiceButton, choose, fillNewPassword, press, signIn, switchTo } from '../helpers/browser.ts';
import { personId, readCredential } from '../helpers/city.ts';
import {
  activateSchoolAccount,
  answerNotice,
  applicationState,
  apply,
  confirmStudent,
  fillSchoolSignIn,
} from '../helpers/family-browser.ts';
import { DAY, freezeTime } from '../helpers/frozen-time.ts';
import type { HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { signInStaff } from '../helpers/staff.ts';

const APPROVED = '親子綁定已完成';
const OWN_PASSWORD = 'nine brave herons fly';

const FATHER: TypedApplicant = {
  ...{ name: '吳建宏', relation: 'father', nationalId: 'Y100100505', mobile: '0900000404' },
  email: 'jianhong.wu@parents.example',
};
const MOTHER: TypedApplicant = {
  ...{ name: '林美惠', relation: 'mother', nationalId: 'Y200500203', mobile: '0900000502' },
  email: 'meihui.lin@parents.example',
};
const GRANDMOTHER: TypedApplicant = {
  ...{ name: '王陳月', relation: 'grandmother', nationalId: 'Y200500301', mobile: '0900000601' },
  email: 'yue.chen@parents.example',
};
const NEW_MOTHER: TypedApplicant = {
  ...{ name: '許佳蓉', relation: 'mother', nationalId: 'Y200500409', mobile: '0900000602' },
  email: 'jiarong.xu@parents.example',
};

/** The registrar of the demo city also works at the schools of S5 and S6, which have none. */
async function addRegistrar({ container: { store } }: ServiceDatabase, schools: readonly string[]): Promise<void> {
  await store.write(async (tx) => {
    for (const schoolCode of schools) {
      const duty = { personId: personId('A2'), schoolCode, role: 'staff', duty: 'registrar' } as const;
      await insertMembership(tx, { id: `registrar-${schoolCode}`, ...duty, isPrimary: false });
    }
  });
}

/** Removes the guardianship that the demo city has, so that the mother can bind her child. */
async function removeGuardianship({ container: { store } }: ServiceDatabase): Promise<void> {
  await store.write((tx) => {
    const { guardianships } = tx.tables;
    return tx.db
      .delete(guardianships)
      .where(and(eq(guardianships.guardianId, personId('T1')), eq(guardianships.studentId, personId('S3'))));
  });
}

describe('families of the demo city', () => {
  let harness: BrowserHarness;
  let registrar: HttpBrowser;
  before(async () => {
    harness = await openBrowserHarness();
    const { service } = harness.environment;
    await addRegistrar(service, ['993302', '993401']);
    await removeGuardianship(service);
    ({ browser: registrar } = await signInStaff(service, 'A2'));
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  /** Activates the school account of a family and submits the first step. */
  const openApplication = async (key: FamilyKey): Promise<Page> => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/binding`);
    await activateSchoolAccount(page, key);
    await confirmStudent(page);
    return page;
  };

  /** Approves the only application that waits. @returns the notes about each applicant */
  const approve = async (): Promise<string[]> => {
    const queue = await registrar.open('/console/applications');
    const ids = [...queue.body.matchAll(/data-application="([^"]+)"/g)].map(([, id = '']) => id);
    assert.equal(ids.length, 1);
    const form = await registrar.open(`/console/applications/${ids.join('')}`);
    const { body } = await registrar.submit(form, { decision: 'approve', reason: '' });
    assert.match(body, /data-application-state="approved"/);
    return [...body.matchAll(/data-note="([^"]+)"/g)].map(([, note = '']) => note);
  };

  /** Signs a new guardian in with the first password, and chooses an own one. */
  const firstSignIn = async (party: string, { email, nationalId }: TypedApplicant): Promise<Page> => {
    const { page } = await harness.newSession();
    await signIn(page, party, email, nationalId.slice(-6));
    await fillNewPassword(page, { next: OWN_PASSWORD });
    return page;
  };

  it('two parents bind one child together, and each sees it (F-B)', async () => {
    const { mail, portfolio } = harness.environment;
    const family = await openApplication('H4');
    await answerNotice(family, 'agree');
    await apply(family, mail, { kind: 'two', applicants: [FATHER, MOTHER] });
    assert.deepEqual(await approve(), ['created', 'first_password', 'created', 'first_password']);
    assert.deepEqual(await childNames(await firstSignIn(portfolio, FATHER)), ['吳小華']);
    const { page: mother } = await harness.newSession();
    await mother.goto(linkIn(await mailTo(mail, MOTHER.email, APPROVED)));
    await fillNewPassword(mother, { next: OWN_PASSWORD });
    await signIn(mother, portfolio, MOTHER.email, OWN_PASSWORD);
    assert.deepEqual(await childNames(mother), ['吳小華']);
  });

  it('a mother binds another child at another school and keeps her account (F-C)', async () => {
    const { mail, portfolio, service } = harness.environment;
    const { name, nationalId, email } = ADULTS.G2;
    const family = await openApplication('H6');
    await answerNotice(family, 'agree');
    const applicant = { name, nationalId, email, relation: 'uncle_or_aunt', mobile: '0900000102' };
    await apply(family, mail, { kind: 'guardian', applicants: [applicant] });
    assert.deepEqual(await approve(), ['joined']);
    assert.equal((await readCredential(service, 'G2')).first, undefined);
    assert.match((await mailTo(mail, email, '監護人綁定已完成')).text, /請使用您原來的帳號與密碼登入/);
    const { page } = await harness.newSession();
    await signIn(page, portfolio, LOGIN.G2);
    assert.equal(await choiceButton(page).count(), 2);
    await choose(page, '家長：林可欣', '明德高中');
    assert.deepEqual(await childNames(page), ['林可欣']);
    await switchTo(page, '家長：王小安');
    assert.deepEqual(await childNames(page), ['王小安']);
  });

  it('a teacher binds her child and switches between teacher and parent (F-D)', async () => {
    const { mail, portfolio } = harness.environment;
    const { name, nationalId, email } = ADULTS.T1;
    const family = await openApplication('H3');
    await answerNotice(family, 'agree');
    const { page } = await harness.newSession();
    await signIn(page, portfolio, LOGIN.T1);
    assert.equal(await page.getAttribute('body', 'data-acting-role'), 'teacher');
    const applicant = { name, nationalId, email, relation: 'mother', mobile: '0900000603' };
    await apply(family, mail, { kind: 'one', applicants: [applicant] });
    assert.ok((await approve()).includes('joined'));
    const { page: next } = await harness.newSession();
    await signIn(next, portfolio, LOGIN.T1);
    assert.equal(await choiceButton(next).count(), 2);
    await choose(next, '教師：明德高中');
    assert.deepEqual(await childNames(next), []);
    await switchTo(next, '家長：陳以恩');
    assert.equal(await next.getAttribute('body', 'data-acting-role'), 'parent');
    assert.deepEqual(await childNames(next), ['陳以恩']);
    await switchTo(next, '教師：明德高中');
    assert.equal(await next.getAttribute('body', 'data-acting-role'), 'teacher');
  });

  it('a caregiver sees the child where delegation allows it, until the last day (F-E)', async () => {
    const { mail, payment, portfolio } = harness.environment;
    const validTo = localDate(Date.now() + 3 * DAY);
    const family = await openApplication('H1');
    await answerNotice(family, 'agree');
    await apply(family, mail, { kind: 'caregiver', applicants: [GRANDMOTHER], validTo });
    await approve();
    const caregiver = await firstSignIn(payment, GRANDMOTHER);
    assert.deepEqual(await childNames(caregiver), ['王小安']);
    const { page } = await harness.newSession();
    await signIn(page, portfolio, GRANDMOTHER.email, OWN_PASSWORD);
    assert.deepEqual(await childNames(page), []);
    assert.match(await bodyText(page), /您與王小安的綁定不包含「學習歷程檔案」的項目。/);
    const time = freezeTime(Date.now() + 4 * DAY);
    try {
      const { page: later } = await harness.newSession();
      await signIn(later, payment, GRANDMOTHER.email, OWN_PASSWORD);
      assert.deepEqual(await childNames(later), []);
      assert.match(await bodyText(later), /目前沒有可在「校園繳費系統」查看的學生資料/);
    } finally {
      time.release();
    }
  });

  it('a family changes its refusal into a consent later (F-F)', async () => {
    const { issuer, mail, portfolio } = harness.environment;
    const family = await openApplication('H5');
    await answerNotice(family, 'disagree');
    assert.equal(await heading(family), '已收到您的回覆');
    assert.doesNotMatch((await registrar.open('/console/applications')).body, /data-application="/);
    const { page } = await harness.newSession();
    await page.goto(`${issuer}/binding`);
    await fillSchoolSignIn(page, 'H5', FAMILY_PASSWORD);
    assert.equal(await page.getAttribute('body', 'data-notice-answer'), 'disagree');
    await press(page, '#submit');
    await answerNotice(page, 'agree');
    await apply(page, mail, { kind: 'one', applicants: [NEW_MOTHER] });
    await approve();
    await page.reload();
    assert.equal(await applicationState(page), 'approved');
    assert.deepEqual(await childNames(await firstSignIn(portfolio, NEW_MOTHER)), ['周子晴']);
  });
});
