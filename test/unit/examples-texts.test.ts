/** Claims, translations and formats of the example applications. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { paymentTranslations } from '../../examples/payment/translations.ts';
import { portfolioTranslations } from '../../examples/portfolio/translations.ts';
import { actingSchema, claimsParameter, requestFor } from '../../examples/shared/claims.ts';
import { createFormats, type Formats } from '../../examples/shared/formats.ts';
import { needsOtherAccount, refusalOf } from '../../examples/shared/refusals.ts';
import {
  pickLanguage,
  sharedTranslations,
  translator,
  type Dictionary,
  type Language,
} from '../../examples/shared/translations.ts';

describe('claims and translations', () => {
  it('refuse a context id that is unsafe in a path', () => {
    for (const ctx of ['', '../x', 'a/b', 'a?b', 'a b', '%2e']) {
      assert.equal(actingSchema.safeParse({ role: 'teacher', ctx }).success, false, ctx);
    }
  });
  it('request the granted context again', () => {
    const acting = actingSchema.parse({ role: 'parent', child: 'child-a', school_code: '993301', ctx: 'a' });
    assert.equal(
      claimsParameter(requestFor(acting)),
      '{"id_token":{"acting":{"value":{"role":"parent","child":"child-a"}}}}',
    );
    assert.deepEqual(requestFor(actingSchema.parse({ role: 'teacher', school_code: '993302', ctx: 'a' })), {
      role: 'teacher',
      school_code: '993302',
    });
  });
  it('exist for every key of every view, in both languages with the same placeholders', () => {
    for (const [folder, own] of Object.entries({ portfolio: portfolioTranslations, payment: paymentTranslations })) {
      const words: Dictionary = { ...sharedTranslations, ...own };
      for (const text of Object.values(words)) {
        const gaps = (line: string): string[] => (line.match(/\{\w+\}/g) ?? []).sort();
        assert.deepEqual(gaps(text.en), gaps(text['zh-TW']));
      }
      for (const views of [
        new URL('../../examples/shared/views/', import.meta.url),
        new URL(`../../examples/${folder}/views/`, import.meta.url),
      ]) {
        for (const file of readdirSync(views)) {
          for (const [, key = ''] of readFileSync(new URL(file, views), 'utf8').matchAll(/\bt\('([\w.]+)'/g)) {
            assert.ok(key in words, `${file}: ${key}`);
          }
        }
      }
    }
  });
  it('explain each reason of access_denied and offer another account where it helps', () => {
    const words: Dictionary = sharedTranslations;
    for (const [description, refusal, isOther] of [
      ['the person canceled the sign-in', 'canceled', false],
      ['the person denied consent', 'consent', false],
      ['the person has no context that this client may see: check permissions', 'noContext', true],
      ['the client accepts no school accounts', 'schoolAccount', true],
      ['the person had the sharing of data with relying parties stopped', 'sharing', true],
      ['something new', 'other', false],
    ] as const) {
      assert.equal(refusalOf(description), refusal);
      assert.equal(needsOtherAccount(refusal), isOther, refusal);
      assert.ok(words[`refused.${refusal}`], refusal);
    }
  });
  it('format dates, terms and sizes in one way, and mark Chinese text on English pages', () => {
    const formats = (language: Language): Formats => createFormats(translator(sharedTranslations, language), language);
    const [zh, en] = [formats('zh-TW'), formats('en')];
    assert.deepEqual([zh.day('2026-12-05'), en.day('2026-12-05')], ['2026年12月5日', 'December 5, 2026']);
    assert.deepEqual(
      [zh.term('115-1'), en.term('115-2')],
      ['115 學年度第 1 學期', 'Semester 2, school year 2026–2027'],
    );
    assert.deepEqual([en.size(180), en.size(2_640)], ['180 kB', '2.6 MB']);
    assert.equal(zh.marked('<王小安>'), '&lt;王小安&gt;');
    const marked = '<span lang="zh-TW">示範高中</span> &amp; <span lang="zh-TW">高二3班</span> Ann';
    assert.equal(en.marked('示範高中 & 高二3班 Ann'), marked);
  });
  it('follow the person first, then the browser', () => {
    assert.equal(pickLanguage('en-GB', 'zh-TW'), 'en');
    assert.equal(pickLanguage('zh-TW', 'en'), 'zh-TW');
    assert.equal(pickLanguage('vi', 'en'), 'en');
    assert.equal(pickLanguage(undefined, false), 'zh-TW');
  });
});
