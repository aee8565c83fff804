import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { z } from 'zod';

import { brandCss, contrast, loadBrand, localizeBrand } from '../../src/presentation/brand.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createTemplates } from '../../src/presentation/templates.ts';

const root = join(import.meta.dirname, '../..');
const i18n = createI18n(join(root, 'config/locales'));
const brand = loadBrand(join(root, 'config/brand.json'));

describe('the brand file', () => {
  const given: unknown = JSON.parse(readFileSync(join(root, 'config/brand.json'), 'utf8'));
  const load = (text: string): ReturnType<typeof loadBrand> => {
    const folder = mkdtempSync(join(tmpdir(), 'brand-'));
    try {
      const file = join(folder, 'brand.json');
      writeFileSync(file, text);
      return loadBrand(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const loadWith = (change: object): ReturnType<typeof loadBrand> =>
    load(JSON.stringify({ ...z.looseObject({}).parse(given), ...change }));

  it('is refused with the file and the field', () => {
    assert.throws(() => loadBrand('/missing/brand.json'), /BRAND_FILE: cannot read \/missing\/brand\.json/);
    assert.throws(() => load('{'), /BRAND_FILE: \S+brand\.json is not valid JSON/);
    for (const [change, expected] of [
      [{ accent: { light: 'blue', dark: '#94c0ff' } }, /a color as #rrggbb[^]*accent\.light/],
      [{ accent: { light: '#1a4b84x', dark: '#94c0ff' } }, /a color as #rrggbb/],
      [{ logo: '' }, /BRAND_FILE: \S+brand\.json: [^]*logo/],
      [{ name: { en: 'City' } }, /name\["zh-TW"\]/],
      [{ font: 'x' }, /font/],
    ] as const) {
      assert.throws(() => loadWith(change), expected);
    }
  });

  it('is refused when a color has a contrast below 4.5 with the background of its mode', () => {
    // #767676 has a contrast of 4.54 with white, #777777 one of 4.48 (WebAIM).
    assert.equal(contrast('#ffffff', '#767676').toFixed(2), '4.54');
    assert.equal(contrast('#ff0000', '#ffffff').toFixed(2), '4.00');
    assert.equal(contrast('#008000', '#ffffff').toFixed(2), '5.14');
    assert.equal(contrast('#0000ff', '#ffffff').toFixed(2), '8.59');
    assert.equal(contrast('#000000', '#0a0a0a').toFixed(2), '1.06');
    const dark = '#94c0ff';
    assert.equal(loadWith({ accent: { light: '#767676', dark } }).accent.light, '#767676');
    assert.throws(
      () => loadWith({ accent: { light: '#777777', dark } }),
      /needs a contrast of 4\.5:1 on #ffffff[^]*accent\.light/,
    );
    assert.throws(
      () => loadWith({ danger: { light: '#b0241c', dark: '#1a4b84' } }),
      /needs a contrast of 4\.5:1 on #18212d[^]*danger\.dark/,
    );
  });

  it('becomes the colors of both modes, and texts in the language of the page or the default one', () => {
    assert.equal(
      brandCss(brand),
      ':root{--accent:#1a4b84;--on-accent:#ffffff;--danger:#b0241c;--on-danger:#ffffff}\n' +
        '@media screen and (prefers-color-scheme:dark)' +
        '{:root{--accent:#94c0ff;--on-accent:#101822;--danger:#ffa198;--on-danger:#101822}}\n',
    );
    const { name, owner, support } = brand;
    assert.deepEqual(localizeBrand(brand, 'en'), {
      ...{ name: name['en'], owner: owner['en'], support: support['en'], logo: 'logo.svg' },
    });
    assert.equal(localizeBrand(brand, 'vi').owner, owner['zh-TW']);
    const templates = createTemplates({ viewsDir: join(root, 'views'), publicDir: join(root, 'public'), i18n, brand });
    assert.equal(templates.brandName('en'), name['en']);
  });

  it('is refused without its logo, and so is a public file of an unknown type', () => {
    const folder = mkdtempSync(join(tmpdir(), 'public-'));
    try {
      const create = (): unknown => createTemplates({ viewsDir: join(root, 'views'), publicDir: folder, i18n, brand });
      assert.throws(create, /the brand's logo logo\.svg is missing/);
      mkdirSync(join(folder, 'docs'));
      writeFileSync(join(folder, 'docs/page.html'), '');
      assert.throws(create, /docs\/page\.html: unknown content type/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
