import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openBrowserHarness, type BrowserHarness } from '../test/helpers/browser-harness.ts';

const FOLDER = join(import.meta.dirname, '../docs/images');

export type Language = 'zh-TW' | 'en';

/** Takes a screenshot of the visible part of a page. `name` is that of the file without its ending. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
}

/** Runs the visit in a new demo city and a new Chromium. */
export async function visitDemoCity(visit: (harness: BrowserHarness) => Promise<void>): Promise<void> {
  const harness = await openBrowserHarness();
  try {
    await visit(harness);
    await harness.closeSessions();
  } finally {
    await harness.close();
  }
}
