import { strict as assert } from 'node:assert';

import type { Browser, BrowserContext, BrowserContextOptions, ConsoleMessage, Page } from 'playwright-core';

import { openBrowser } from './browser.ts';
import type { TestServiceOptions } from './service.ts';
import { startTestEnvironment, type TestEnvironment } from './test-environment.ts';

/** A person with a browser of their own: a fresh profile, on a phone unless said otherwise. */
export interface BrowserSession {
  context: BrowserContext;
  page: Page;
  /** One more tab of the same browser. */
  newTab: () => Promise<Page>;
}

/** The world and a Chromium in front of it, for all tests of a file. */
export interface BrowserHarness {
  environment: TestEnvironment;
  browser: Browser;
  newSession(options?: BrowserContextOptions): Promise<BrowserSession>;
  /** Ends the guests of a test; fails when a console, the CSP or a lost file had something to say. */
  closeSessions(): Promise<void>;
  close(): Promise<void>;
}

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };
/** No page of ours needs longer, also while other tests run. */
const PAGE_TIMEOUT_MS = 15_000;

/** @param options of the service, for example more registered clients */
export async function openBrowserHarness(options?: Partial<TestServiceOptions>): Promise<BrowserHarness> {
  const browser = await openBrowser();
  // Without its world the browser would keep this process alive for ever.
  const environment = await startTestEnvironment(options).catch(async (error: unknown) => {
    await browser.close();
    throw error;
  });
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  return {
    environment,
    browser,
    newSession: async (options = {}) => {
      const context = await browser.newContext({ locale: 'zh-TW', viewport: PHONE, ...options });
      contexts.push(context);
      context.setDefaultTimeout(PAGE_TIMEOUT_MS);
      listen(context, complaints);
      return { context, page: await context.newPage(), newTab: () => context.newPage() };
    },
    closeSessions: async () => {
      await Promise.all(contexts.splice(0).map((context) => context.close()));
      assert.deepEqual(complaints.splice(0), []);
    },
    close: async () => {
      await browser.close();
      await environment.stop();
    },
  };
}

/** Collects what Chromium complains about: script errors, refusals of the CSP, files that are not there. */
function listen(context: BrowserContext, complaints: string[]): void {
  context.on('weberror', (error) => complaints.push(`${String(error.page()?.url())}: ${error.error().message}`));
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isClientErrorMessage(message)) {
      complaints.push(`${String(message.page()?.url())}: ${message.text()}`);
    }
  });
  context.on('response', (response) => {
    if (response.status() >= 400 && !response.request().isNavigationRequest()) {
      complaints.push(`${response.url()}: ${String(response.status())}`);
    }
    if (response.status() >= 500) complaints.push(`${response.url()}: ${String(response.status())}`);
  });
}

/**
 * Chromium notes on the console that a page came with 4xx. That is how a refused form answers; files that are not there are
 * found by the response.
 */
function isClientErrorMessage(message: ConsoleMessage): boolean {
  return message.text().startsWith('Failed to load resource: the server responded with a status of 4');
}

/** What stands in `[role="alert"]`, in one line; empty when nothing does. */
export async function alertText(page: Page): Promise<string> {
  const alert = page.locator('[role="alert"]');
  return (await alert.count()) === 0 ? '' : words(await alert.innerText());
}

/** The title of the page that a person reads. */
export async function heading(page: Page): Promise<string> {
  return words(await page.locator('h1').innerText());
}

/** Every word that a person can see. */
export async function bodyText(page: Page): Promise<string> {
  return words(await page.locator('body').innerText());
}

/** The children that a relying party shows. */
export async function childNames(page: Page): Promise<string[]> {
  const shown = await page.locator('[data-child-name]').all();
  return Promise.all(shown.map(async (one) => (await one.getAttribute('data-child-name')) ?? ''));
}

function words(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
