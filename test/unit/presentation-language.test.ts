import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { createI18n } from '../../src/presentation/i18n.ts';

const i18n = createI18n(join(import.meta.dirname, '../../config/locales'));

describe('negotiate', () => {
  it('prefers cookie, ui_locales, the person, an earlier cookie, then Accept-Language', () => {
    const all = { cookie: 'en', uiLocales: 'zh-TW', personLocale: 'zh-TW', acceptLanguage: 'zh-TW' };
    assert.equal(i18n.negotiate(all), 'en');
    assert.equal(i18n.negotiate({ ...all, cookie: undefined, uiLocales: 'fr en-GB' }), 'en');
    assert.equal(i18n.negotiate({ personLocale: 'en', earlierCookie: 'zh-TW', acceptLanguage: 'zh-TW' }), 'en');
    assert.equal(i18n.negotiate({ earlierCookie: 'en', acceptLanguage: 'zh-TW' }), 'en');
    assert.equal(i18n.negotiate({ acceptLanguage: 'en-US,en;q=0.9,zh-TW;q=0.8' }), 'en');
  });

  it('reads quality values and exclusions', () => {
    assert.equal(i18n.negotiate({ acceptLanguage: 'en;q=0.3, zh-TW;q=0.9' }), 'zh-TW');
    assert.equal(i18n.negotiate({ acceptLanguage: 'en;q=0, fr' }), 'zh-TW');
    assert.equal(i18n.negotiate({ acceptLanguage: 'zh-HK' }), 'zh-TW');
    assert.equal(i18n.negotiate({}), 'zh-TW');
  });

  it('compares tags without case, and the complete tag before its language', () => {
    assert.equal(i18n.negotiate({ cookie: 'EN' }), 'en');
    assert.equal(i18n.negotiate({ cookie: 'ZH-tw', acceptLanguage: 'en' }), 'zh-TW');
    assert.equal(i18n.negotiate({ cookie: 'e', acceptLanguage: 'x' }), 'zh-TW');
    const dir = mkdtempSync(join(tmpdir(), 'locales-'));
    try {
      for (const tag of ['zh-TW', 'en-AU', 'en-GB'])
        writeFileSync(join(dir, `${tag}.json`), JSON.stringify({ language: { name: tag } }));
      const more = createI18n(dir);
      assert.equal(more.negotiate({ cookie: 'en-GB' }), 'en-GB');
      assert.equal(more.negotiate({ cookie: 'en-US' }), 'en-AU');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('orders Accept-Language by weight, then by position', () => {
    assert.equal(i18n.negotiate({ acceptLanguage: 'zh-TW;q=0.5, en;q=0.5' }), 'zh-TW');
    assert.equal(i18n.negotiate({ acceptLanguage: 'en ; Q=0.5 , zh-TW ; level=1 ; q=0.4' }), 'en');
    assert.equal(i18n.negotiate({ acceptLanguage: 'zh-TW;q=0.9,en' }), 'en');
    assert.equal(i18n.negotiate({ acceptLanguage: 'en;q=x' }), 'zh-TW');
  });

  it('reads at most 20 entries and 1,000 characters of a header', () => {
    const others = (count: number): string => 'fr,'.repeat(count);
    assert.equal(i18n.negotiate({ acceptLanguage: `${others(19)}en` }), 'en');
    assert.equal(i18n.negotiate({ acceptLanguage: `${others(20)}en` }), 'zh-TW');
    for (const [length, expected] of [
      [997, 'en'],
      [998, 'en'],
      [999, 'zh-TW'],
    ] as const) {
      assert.equal(i18n.negotiate({ acceptLanguage: `${'x'.repeat(length - 1)},en` }), expected);
      assert.equal(i18n.negotiate({ uiLocales: `${'x'.repeat(length - 1)} en` }), expected);
    }
  });

  it('returns one of the languages for any input', () => {
    const text = fc.option(fc.string(), { nil: undefined });
    fc.assert(
      fc.property(text, text, text, text, (cookie, uiLocales, personLocale, acceptLanguage) =>
        i18n.languages.includes(i18n.negotiate({ cookie, uiLocales, personLocale, acceptLanguage })),
      ),
    );
  });
});
