import { strict as assert } from 'node:assert';

import type { BrowserContextOptions, Locator, Page } from 'playwright-core';

import { fillSignIn, press } from './browser.ts';
import { DESKTOP, type BrowserHarness } from './browser-harness.ts';
import { enrollTotp, removeSecondFactors } from './second-factors.ts';
import { STAFF_LOGIN, type StaffKey } from './staff.ts';

/** Signs a member of staff in at a page of the console in a new browser, with a new authenticator app. */
export async function openConsole(
  harness: BrowserHarness,
  key: StaffKey,
  path = '/console',
  options: BrowserContextOptions = { viewport: DESKTOP },
): Promise<Page> {
  const { service, issuer } = harness.environment;
  await removeSecondFactors(service, key);
  const authenticator = await enrollTotp(service, key);
  const { page } = await harness.newSession(options);
  await page.goto(`${issuer}${path}`);
  await fillSignIn(page, STAFF_LOGIN[key]);
  await page.fill('[name="code"]', authenticator.code());
  await press(page, '#submit');
  assert.equal(page.url(), `${issuer}${path}`);
  return page;
}

/** Searches for a name and opens the person. */
export async function openPerson(page: Page, name: string): Promise<void> {
  await page.goto(new URL('/console/search', page.url()).href);
  await page.fill('[name="q"]', name);
  await press(page, '.search-form button');
  await press(page, page.locator('a[data-person]').filter({ hasText: name }).first());
}

export function actionButton(page: Page, action: string): Locator {
  return page.locator(`button[name="action"][value="${action}"]`);
}

/** Starts an action on the page of a person, fills in its form, and submits it. */
export async function perform(page: Page, action: string, reason: string, value?: string): Promise<void> {
  await press(page, actionButton(page, action));
  if (value !== undefined) await page.fill('[name="value"]', value);
  await page.fill('textarea[name="reason"]', reason);
  await press(page, actionButton(page, action));
}

/** Confirms a change of the bureau on its review page. */
export async function confirmChange(page: Page, reason: string): Promise<void> {
  await page.fill('textarea[name="reason"]', reason);
  await press(page, '#submit');
}

/** Lists the elements that are wider than their parent or end beyond the screen, except in a part that scrolls or is hidden. */
const FIND_OVERFLOWS = `(() => {
  const isClipped = (element) => element !== null && (getComputedStyle(element).overflowX !== 'visible' || isClipped(element.parentElement));
  const overflows = (element) => {
    const { display, position } = getComputedStyle(element);
    const parent = element.parentElement;
    if (position === 'absolute' || element.ownerSVGElement || isClipped(parent)) return false;
    const { left, right, width } = element.getBoundingClientRect();
    if (width === 0) return false;
    const outer = parent.getBoundingClientRect();
    const isInline = ['inline', 'contents'].includes(getComputedStyle(parent).display);
    if (right > innerWidth || (!isInline && (right > outer.right + 1 || left < outer.left - 1))) return true;
    return display !== 'inline' && !isClipped(element) && element.scrollWidth > element.clientWidth + 1;
  };
  const text = (element) => element.outerHTML.slice(0, 100) + ': ' + element.textContent.trim().slice(0, 30);
  return [...document.querySelectorAll('body *')].filter(overflows).map(text);
})()`;

/** Asserts that the page needs no horizontal scrolling at its present size, and that each element is inside its container. */
export async function assertFits(page: Page): Promise<void> {
  const [content, width] = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]');
  assert.ok(content <= width, `${page.url()} is ${String(content)} px wide on a screen of ${String(width)} px`);
  assert.deepEqual(await page.evaluate<string[]>(FIND_OVERFLOWS), [], `${page.url()} at ${String(width)} px`);
}
