/**
 * Takes the screenshots of docs/school-staff.md with the demo city, in both languages.
 *
 *   npm run docs:screenshots
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openBrowserHarness, type BrowserHarness } from '../test/helpers/browser-harness.ts';
import { fillSignIn, press, setUpAuthenticator } from '../test/helpers/browser.ts';
import { personId } from '../test/helpers/city.ts';
import { removeSecondFactors } from '../test/helpers/second-factors.ts';
import { STAFF_LOGIN } from '../test/helpers/staff.ts';

const FOLDER = join(import.meta.dirname, '../docs/images');
const SIZE = { width: 900, height: 640 };

async function takeScreenshots(harness: BrowserHarness, lang: 'zh-TW' | 'en'): Promise<void> {
  const { environment } = harness;
  const { page } = await harness.newSession({ viewport: SIZE, locale: lang });
  const take = async (shown: Page, name: string): Promise<void> => {
    await shown.screenshot({ path: join(FOLDER, `staff-${name}-${lang}.png`) });
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
}

const opened = await openBrowserHarness();
try {
  await takeScreenshots(opened, 'zh-TW');
  await takeScreenshots(opened, 'en');
  await opened.closeSessions();
} finally {
  await opened.close();
}
