import { strict as assert } from 'node:assert';

import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

import { createI18n, WORD_FAMILIES } from '../../src/services/i18n.ts';
import type { PageName } from '../../src/services/page-locals.ts';
import { DESKTOP, heading, PHONE } from './stage.ts';

/** WCAG 2.2 AA, and everything that it stands on. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

const words = createI18n(new URL('../../config/locales', import.meta.url).pathname);
const of = (family: 'message' | 'newPassword'): string[] =>
  WORD_FAMILIES[family].map((name) => `${family}.${name}.title`);

/** By which titles a page of the service is known. */
const TITLES: Record<PageName, readonly string[]> = {
  'interaction/sign-in': ['signIn.title', 'signIn.reauthTitle'],
  'interaction/new-password': of('newPassword'),
  'interaction/choose': ['choose.title'],
  'interaction/no-child': ['noChild.title'],
  'interaction/consent': ['consent.title'],
  'sign-out': ['signOut.title'],
  'signed-out': ['signedOut.title'],
  'account/home': ['account.title'],
  'forgot/request': ['forgot.title'],
  'forgot/sent': ['forgot.sent.title'],
  'forgot/done': ['forgot.done.title'],
  'forgot/expired': ['forgot.expired.title'],
  'device/code': ['device.code.title'],
  'device/confirm': ['device.confirm.title'],
  'device/done': ['device.done.title'],
  message: of('message'),
};

export interface Look {
  page: Page;
  view: PageName;
  lang: 'zh-TW' | 'en';
  /** The app that the title names. */
  app?: string;
}

/** The page is the one that it should be, in its language, and axe finds nothing. */
export async function lookAt({ page, view, lang, app = '' }: Look): Promise<void> {
  const titles = TITLES[view].map((key) => words.t(lang, key, { app }));
  assert.ok(titles.includes(await heading(page)), `${await heading(page)} is none of ${titles.join(', ')}`);
  assert.equal(await page.getAttribute('html', 'lang'), lang);
  await isAccessible(page, lang);
}

/**
 * Axe finds nothing: on a phone and on a large screen, by day and by night. The other language brings other words into the
 * same colours and sizes, so there each size is looked at once.
 */
export async function isAccessible(page: Page, lang: Look['lang']): Promise<void> {
  for (const viewport of [PHONE, DESKTOP]) {
    const both = lang === 'zh-TW' ? (['light', 'dark'] as const) : ([viewport === PHONE ? 'light' : 'dark'] as const);
    for (const colorScheme of both) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      // Legacy mode opens no second page for the result; nothing of ours is in a frame.
      const { violations } = await new AxeBuilder({ page }).withTags(TAGS).setLegacyMode(true).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, [], `${page.url()} ${colorScheme} ${String(viewport.width)}`);
    }
  }
  await page.setViewportSize(PHONE);
}

/** The names of the pages in a folder of views. */
export function isPage(file: string): boolean {
  return file.endsWith('.ejs') && !/^(?:layout\.ejs|partials\/|mail\/)/.test(file);
}
