/**
 * Takes the screenshots of docs/school-staff.md with the demo city, in both languages.
 *
 *   npm run docs:screenshots
 */
import type { Page } from 'playwright-core';
import type { BrowserHarness } from '../test/helpers/browser-harness.ts';
import { storeApplication } from '../test/helpers/applications.ts';
import { actionButton, openConsole, perform } from '../test/helpers/browser-console.ts';
import { fillSignIn, press, setUpAuthenticator } from '../test/helpers/browser.ts';
import { personId } from '../test/helpers/city.ts';
import { removeSecondFactors } from '../test/helpers/second-factors.ts';
import { STAFF_LOGIN } from '../test/helpers/staff.ts';
import { takeScreenshot, visitDemoCity, type Language } from './screenshots.ts';

const SIZE = { width: 900, height: 640 };

async function takeScreenshots(harness: BrowserHarness, lang: Language): Promise<void> {
  const { environment } = harness;
  const { page } = await harness.newSession({ viewport: SIZE, locale: lang });
  const take = async (shown: Page, name: string): Promise<void> => {
    await takeScreenshot(shown, `staff-${name}-${lang}`);
  };
  await removeSecondFactors(environment.service, 'A1');
  await page.goto(`${environment.issuer}/console`);
  await fillSignIn(page, STAFF_LOGIN.A1);
  await setUpAuthenticator(page);
  await press(page, '#submit');
  await page.goto(`${environment.issuer}/console/search?q=${encodeURIComponent('王')}`);
  await take(page, 'search');
  await page.goto(`${environment.issuer}/console/people/${personId('G1')}`);
  await take(page, 'person');
  await press(page, 'button[name="action"][value="one-time-code"]');
  await page.fill(
    'textarea[name="reason"]',
    lang === 'en' ? 'Parent phoned and named class and seat' : '家長來電，已核對班級座號',
  );
  await take(page, 'action');
  await press(page, 'button[name="action"][value="one-time-code"]');
  await take(page, 'slip');
  await page.goto(`${environment.issuer}/console/people/${personId('G2')}`);
  await perform(
    page,
    'change-email',
    lang === 'en' ? 'Parent phoned with a new address' : '家長來電告知新地址',
    'meiling.new@parents.example',
  );
  await take(page, 'request');
  await page.goto(`${environment.issuer}/console/classes`);
  await press(page, page.locator('main a').filter({ hasText: lang === 'en' ? 'Grade 11, Class 3' : '高二3班' }));
  await take(page, 'class');
  await page.check(`input[name="person"][value="${personId('G1')}"]`);
  await page.fill('textarea[name="reason"]', lang === 'en' ? 'New term' : '開學發放');
  await press(page, actionButton(page, 'slips'));
  await take(page, 'bulk');
  await withdrawRequest(page, environment.issuer, lang);
}

/** Withdraws the request, so that the other language can make it again. */
async function withdrawRequest(page: Page, issuer: string, lang: Language): Promise<void> {
  await page.goto(`${issuer}/console/requests`);
  await press(page, page.locator('a[data-request]').first());
  await page.fill('textarea[name="reason"]', lang === 'en' ? 'Entered twice' : '重複提出');
  await press(page, 'button[name="answer"][value="withdraw"]');
}

/** Takes the pages of the bureau. */
async function takeBureauScreenshots(harness: BrowserHarness, lang: Language): Promise<void> {
  const page = await openConsole(harness, 'B1', '/console', { viewport: SIZE, locale: lang });
  for (const [path, name] of [
    ['/console', 'dashboard'],
    ['/console/settings', 'policies'],
    ['/console/audit', 'audit'],
  ]) {
    await page.goto(`${harness.environment.issuer}${path ?? ''}`);
    await takeScreenshot(page, `staff-${name ?? ''}-${lang}`);
  }
}

/** Takes the answers of the families of a class, and the confirmation of its reminders. */
async function takeAnswerScreenshots(harness: BrowserHarness, lang: Language): Promise<void> {
  const page = await openConsole(harness, 'T2', '/console', { viewport: { width: 900, height: 900 }, locale: lang });
  await page.goto(`${harness.environment.issuer}/console/binding`);
  await takeScreenshot(page, `staff-answers-${lang}`);
  await press(page, '#remind');
  await takeScreenshot(page, `staff-reminders-${lang}`);
}

await visitDemoCity(async (harness) => {
  await takeScreenshots(harness, 'zh-TW');
  await takeScreenshots(harness, 'en');
  await takeBureauScreenshots(harness, 'zh-TW');
  await takeBureauScreenshots(harness, 'en');
  await storeApplication(harness.environment.service, { state: 'draft', submittedAt: null });
  await takeAnswerScreenshots(harness, 'zh-TW');
  await takeAnswerScreenshots(harness, 'en');
});
