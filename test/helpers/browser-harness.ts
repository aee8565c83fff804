import { strict as assert } from 'node:assert';

import type { Browser, BrowserContext, BrowserContextOptions, ConsoleMessage, Page } from 'playwright-core';

import { openBrowser } from './browser.ts';
import type { TestServiceOptions } from './service.ts';
import { startTestEnvironment, type TestEnvironment } from './test-environment.ts';

/** A new browser profile; on a phone by default. */
export interface BrowserSession {
  context: BrowserContext;
  page: Page;
  /** Opens another tab of the same browser. */
  newTab: () => Promise<Page>;
}

/** The test environment and a Chromium, shared by all tests of a file. */
export interface BrowserHarness {
  environment: TestEnvironment;
  browser: Browser;
  newSession(options?: BrowserContextOptions): Promise<BrowserSession>;
  /** Closes the sessions of a test. Fails on console errors, CSP violations and missing files. */
  closeSessions(): Promise<void>;
  close(): Promise<void>;
}

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** @param options of the service, for example more registered clients */
export async function openBrowserHarness(options?: Partial<TestServiceOptions>): Promise<BrowserHarness> {
  const browser = await openBrowser();
  // An open browser would keep this process alive.
  const environment = await startTestEnvironment(options).catch(async (error: unknown) => {
    await browser.close();
    throw error;
  });
  const contexts: BrowserContext[] = [];
  const problems: string[] = [];
  return {
    environment,
    browser,
    newSession: async (options = {}) => {
      const context = await browser.newContext({ locale: 'zh-TW', viewport: PHONE, ...options });
      contexts.push(context);
      listen(context, problems);
      return { context, page: await context.newPage(), newTab: () => context.newPage() };
    },
    closeSessions: async () => {
      await Promise.all(contexts.splice(0).map((context) => context.close()));
      assert.deepEqual(problems.splice(0), []);
    },
    close: async () => {
      await browser.close();
      await environment.stop();
    },
  };
}

/** Collects the problems that Chromium reports: script errors, CSP violations, missing files. */
function listen(context: BrowserContext, problems: string[]): void {
  context.on('weberror', (error) => problems.push(`${String(error.page()?.url())}: ${error.error().message}`));
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isClientErrorMessage(message)) {
      problems.push(`${String(message.page()?.url())}: ${message.text()}`);
    }
  });
  context.on('response', (response) => {
    if (response.status() >= 400 && !response.request().isNavigationRequest()) {
      problems.push(`${response.url()}: ${String(response.status())}`);
    }
    if (response.status() >= 500) problems.push(`${response.url()}: ${String(response.status())}`);
  });
}

/**
 * Returns true for the console message about a 4xx response. Rejected forms cause it too; missing files are found by their
 * responses.
 */
function isClientErrorMessage(message: ConsoleMessage): boolean {
  return message.text().startsWith('Failed to load resource: the server responded with a status of 4');
}

/** Returns the text of `[role="alert"]` in one line; empty if there is none. */
export async function alertText(page: Page): Promise<string> {
  const alert = page.locator('[role="alert"]');
  return (await alert.count()) === 0 ? '' : words(await alert.innerText());
}

/** Returns the text of the page heading. */
export async function heading(page: Page): Promise<string> {
  return words(await page.locator('h1').innerText());
}

/** Returns the visible text of the page. */
export async function bodyText(page: Page): Promise<string> {
  return words(await page.locator('body').innerText());
}

/** Lists the names of the children that a relying party shows. */
export async function childNames(page: Page): Promise<string[]> {
  const shown = await page.locator('[data-child-name]').all();
  return Promise.all(shown.map(async (one) => (await one.getAttribute('data-child-name')) ?? ''));
}

function words(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
