import { join } from 'node:path';
import { loadBrand } from '../../src/presentation/brand.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import type { PageName } from '../../src/presentation/page-locals/index.ts';
import { APPLIED_STATES } from '../../src/presentation/page-locals/interaction.ts';
import { createTemplates, type Templates } from '../../src/presentation/templates.ts';
import { statusSamples } from './binding-page-samples.ts';
import { samplePageLocals } from './page-samples.ts';

const ROOT = join(import.meta.dirname, '../..');

function openTemplates(): Templates {
  return createTemplates({
    viewsDir: join(ROOT, 'views'),
    publicDir: join(ROOT, 'public'),
    i18n: createI18n(join(ROOT, 'config/locales')),
    brand: loadBrand(join(ROOT, 'config/brand.json')),
  });
}

/**
 * Renders the sample of every page in a language, with all optional parts.
 *
 * @param text the value of every text, for example of a name
 */
export function renderSamples(lang: string, text = 'Ann'): [PageName, string][] {
  const templates = openTemplates();
  const samples = samplePageLocals(text);
  const isPage = (name: string): name is PageName => name in samples;
  return Object.keys(samples)
    .filter(isPage)
    .map((name) => [name, templates.page(name, lang, samples[name])]);
}

/** Renders the pages that a family sees in each state of its application. */
export function renderApplicationStates(lang: string, text = 'Ann'): string[] {
  const templates = openTemplates();
  const required = samplePageLocals(text)['interaction/binding-required'];
  return [
    ...statusSamples(text).map((locals) => templates.page('binding/status', lang, locals)),
    ...[undefined, ...APPLIED_STATES].map((applied) =>
      templates.page('interaction/binding-required', lang, { ...required, applied }),
    ),
  ];
}
