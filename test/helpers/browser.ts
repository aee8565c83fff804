import { strict as assert } from 'node:assert';

import { chromium, type Browser, type Locator, type Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { createAuthenticator } from './second-factors.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Longer than any page needs while other tests run. */
const PAGE_TIMEOUT_MS = 60_000;

/**
 * Starts the headless shell of Debian's Chromium, which `scripts/install-test-system.sh` installs. It renders pages as Chromium does and needs
 * half of its CPU time, since it has no user interface.
 */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium-headless-shell';
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  return browser.on('context', (context) => {
    context.setDefaultTimeout(PAGE_TIMEOUT_MS);
  });
}

/** Acts, and waits for the next page, after all redirects. */
export async function waitForNextPage(page: Page, act: () => Promise<void>): Promise<void> {
  // Otherwise the load event of this page could arrive after the action.
  await page.waitForLoadState();
  const loaded = page.waitForEvent('load');
  // Awaited below. If the action fails, its error is the more useful one.
  loaded.catch(() => undefined);
  await act();
  await loaded;
}

/** Clicks the target and waits for the next page, after all redirects. */
export async function press(page: Page, target: string | Locator): Promise<void> {
  const locator = typeof target === 'string' ? page.locator(target) : target;
  await waitForNextPage(page, () => locator.click());
}

/** Presses the Enter key and waits for the next page, after all redirects. */
export async function pressEnter(page: Page): Promise<void> {
  await waitForNextPage(page, () => page.keyboard.press('Enter'));
}

/** Runs in the page: returns true if the focused element or its input wrapper has an outline of at least two pixels. */
const RING = `[document.activeElement, document.activeElement.closest('.input-wrapper')].some((one) => {
  const style = one && getComputedStyle(one);
  return style !== null && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
})`;

/** Presses Tab until the element has the focus; each stop on the way must be visible (WCAG 2.2, 2.4.7). */
export async function tabTo(page: Page, selector: string): Promise<void> {
  const most = 25;
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate<boolean>(RING), true, `stop ${String(i + 1)} on the way to ${selector}`);
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
  }
  assert.fail(`${selector} is not reached by ${String(most)} tabs`);
}

/** Signs in from the start page of a relying party. Ends at the app or at the next interaction page. */
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
  await typeNewPassword(page, typed);
  await press(page, '#submit');
}

/** Fills in the new-password page with a password that is refused, and waits for the reason. The page stays. */
export async function fillRefusedPassword(page: Page, typed: NewPassword): Promise<void> {
  await typeNewPassword(page, typed);
  await pressRefused(page);
}

/** Submits the new-password page with a password that is refused. */
export async function pressRefused(page: Page): Promise<void> {
  const checked = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.click('#submit');
  await checked;
  await page.locator('#submit:enabled').waitFor();
  await page.locator('.error-summary').waitFor();
}

async function typeNewPassword(page: Page, typed: NewPassword): Promise<void> {
  if (typed.current !== undefined) await page.fill('[name="current_password"]', typed.current);
  await page.fill('[name="new_password"]', typed.next);
  await page.fill('[name="confirm_password"]', typed.again ?? typed.next);
}

export interface NewPassword {
  current?: string;
  next: string;
  /** Default: the same as `next`. */
  again?: string;
}

/** Locates the choice whose text contains all of these words. */
export function choiceButton(page: Page, ...words: string[]): Locator {
  return words.reduce((buttons, word) => buttons.filter({ hasText: word }), page.locator('button[name="choice"]'));
}

export async function choose(page: Page, ...words: string[]): Promise<void> {
  await press(page, choiceButton(page, ...words));
}

/** Selects an entry of the account menu of a relying party. */
export async function switchTo(page: Page, label: string): Promise<void> {
  await page.click('.menu-button');
  await press(page, page.locator('a.entry').filter({ hasText: label }));
}

/** Fills in the page that sets up an authenticator app, with the code of its secret. Ends at the recovery codes. */
export async function setUpAuthenticator(page: Page): Promise<void> {
  const secret = (await page.getAttribute('[data-totp-secret]', 'data-totp-secret')) ?? '';
  await page.fill('[name="code"]', createAuthenticator(secret).code());
  await press(page, '#submit');
}
