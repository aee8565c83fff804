import { chromium, type Browser, type Locator, type Page } from 'playwright-core';

/** The password of everybody in the demo city who was signed in before. */
export const DEMO_PASSWORD = 'Kinpass-Demo-2026';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium; `scripts/install-test-system.sh` installs it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
}

/** Presses, and waits until the next page is there, after all redirects on the way. */
export async function press(page: Page, target: string | Locator): Promise<void> {
  const locator = typeof target === 'string' ? page.locator(target) : target;
  const loaded = page.waitForEvent('load');
  // Heard below. When it is the press that does not succeed, Playwright says why, and that is the error to see.
  loaded.catch(() => undefined);
  await locator.click();
  await loaded;
}

/** From a relying party's start page to its signed-in page or to the next step of the service. */
export async function signIn(page: Page, party: string, login: string, password = DEMO_PASSWORD): Promise<void> {
  await page.goto(party);
  await press(page, '#sign-in');
  await fillSignIn(page, login, password);
}

export async function fillSignIn(page: Page, login: string, password = DEMO_PASSWORD): Promise<void> {
  await page.fill('[name="login"]', login);
  await page.fill('[name="password"]', password);
  await press(page, '#submit');
}

/** Fills in the new-password page and submits it; `current` is omitted where the page has no such field. */
export async function fillNewPassword(page: Page, typed: NewPassword): Promise<void> {
  if (typed.current !== undefined) await page.fill('[name="current_password"]', typed.current);
  await page.fill('[name="new_password"]', typed.next);
  await page.fill('[name="confirm_password"]', typed.again ?? typed.next);
  await press(page, '#submit');
}

export interface NewPassword {
  current?: string;
  next: string;
  /** Left out: the same as `next`. */
  again?: string;
}

/** The choice whose text contains all of these words. */
export function choiceOf(page: Page, ...words: string[]): Locator {
  return words.reduce((buttons, word) => buttons.filter({ hasText: word }), page.locator('button[name="choice"]'));
}

export async function choose(page: Page, ...words: string[]): Promise<void> {
  await press(page, choiceOf(page, ...words));
}

/** The menu behind the person's name at a relying party. */
export async function switchTo(page: Page, label: string): Promise<void> {
  await page.click('.menu summary');
  await press(page, page.locator('a.entry').filter({ hasText: label }));
}
