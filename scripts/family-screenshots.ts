/**
 * Takes the screenshots of docs/families.md with the demo city, in both languages.
 *
 *   npm run docs:screenshots
 */
import type { Page } from 'playwright-core';
import { APPLICANT, FAMILY_PASSWORD, SCHOOL_ACCOUNTS } from '../test/helpers/binding.ts';
import type { BrowserHarness } from '../test/helpers/browser-harness.ts';
import { fillNewPassword, fillSignIn, press } from '../test/helpers/browser.ts';
import { setPassword } from '../test/helpers/city.ts';
import { fillApplicant, fillSchoolSignIn } from '../test/helpers/family-browser.ts';
import { mailTo } from '../test/helpers/mail.ts';
import { signInStaff } from '../test/helpers/staff.ts';
import { takeScreenshot, visitDemoCity, type Language } from './screenshots.ts';

const SIZE = { width: 390, height: 760 };
const OWN_PASSWORD = 'nine brave herons fly';
const FIRST_PASSWORD = APPLICANT.nationalId.slice(-6);
const APPROVED = { 'zh-TW': '親子綁定已完成', en: 'You are now linked to your child' };

type Take = (page: Page, name: string) => Promise<void>;

/** Takes the pages of the application, from the sign-in page of school accounts to the state after the submission. */
async function takeApplication(harness: BrowserHarness, lang: Language, take: Take): Promise<void> {
  const { issuer, mail, service } = harness.environment;
  await setPassword(service, 'H4', FAMILY_PASSWORD);
  const { page } = await harness.newSession({ viewport: SIZE, locale: lang });
  await page.goto(`${issuer}/binding`);
  await page.fill('[name="school"]', SCHOOL_ACCOUNTS.H4.school);
  await page.fill('[name="account"]', SCHOOL_ACCOUNTS.H4.account);
  await take(page, 'sign-in');
  await fillSchoolSignIn(page, 'H4', FAMILY_PASSWORD);
  await page.check('[name="confirm_student"]');
  await take(page, 'student');
  await press(page, '#submit');
  await page.check('[name="notice"][value="agree"]');
  await take(page, 'notice');
  await press(page, '#submit');
  await page.check('[name="applicants"][value="one"]');
  await take(page, 'applicants');
  await press(page, '#submit');
  const code = await fillApplicant(page, mail, APPLICANT, 1);
  await page.fill('[name="email_code_1"]', code);
  await take(page, 'code');
  await press(page, '#submit');
  await press(page, '#submit');
  await page.locator('#submit').scrollIntoViewIfNeeded();
  await take(page, 'summary');
  await press(page, '#submit');
  await take(page, 'status');
}

/** Approves the application as the homeroom teacher. */
async function approve({ environment: { service } }: BrowserHarness): Promise<void> {
  const { browser, answer } = await signInStaff(service, 'T2', '/console/applications');
  const [, id = ''] = /data-application="([^"]+)"/.exec(answer.body) ?? [];
  await browser.submit(await browser.open(`/console/applications/${id}`), { decision: 'approve', reason: '' });
}

/** Takes the mail after the approval, the first sign-in of the guardian, and the app. */
async function takeFirstSignIn(harness: BrowserHarness, lang: Language, take: Take): Promise<void> {
  const { mail, portfolio } = harness.environment;
  const { page } = await harness.newSession({ viewport: SIZE, locale: lang });
  const { id } = await mailTo(mail, APPLICANT.email, APPROVED[lang]);
  await page.goto(`${mail.webUrl}/messages/${id}/html`);
  await take(page, 'mail');
  await page.goto(portfolio);
  await press(page, '#sign-in');
  await fillSignIn(page, APPLICANT.email, FIRST_PASSWORD);
  await fillNewPassword(page, { next: OWN_PASSWORD });
  await take(page, 'portfolio');
}

for (const lang of ['zh-TW', 'en'] as const) {
  await visitDemoCity(async (harness) => {
    const take: Take = (page, name) => takeScreenshot(page, `family-${name}-${lang}`);
    await takeApplication(harness, lang, take);
    await approve(harness);
    await takeFirstSignIn(harness, lang, take);
  });
}
