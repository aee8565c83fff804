import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadBrand } from '../../src/presentation/brand.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createTemplates } from '../../src/presentation/templates.ts';

const root = join(import.meta.dirname, '../..');
const templates = createTemplates({
  viewsDir: join(root, 'views'),
  publicDir: join(root, 'public'),
  i18n: createI18n(join(root, 'config/locales')),
  brand: loadBrand(join(root, 'config/brand.json')),
});

describe('mail language', () => {
  const link = 'https://id.example/x';
  const at = Date.UTC(2026, 10, 23, 1);
  const mails = (lang: string, name: string): string[] =>
    [
      templates.mail('first-password-closed', lang, { name, closedAt: at, link }),
      templates.mail('password-changed', lang, { name, changedAt: at, link }),
      templates.mail('second-factor-failed', lang, { name, at, link }),
      templates.mail('reset-link', lang, { name, link, minutes: 30 }),
      templates.mail('setup-link', lang, { name, link, hours: 24 }),
    ].map(({ subject, text }) => `${subject}\n${text}`.replaceAll(link, ''));

  it('is English only or Chinese only', () => {
    for (const mail of mails('en', 'Lan')) assert.doesNotMatch(mail, /\p{Script=Han}/u);
    for (const mail of mails('zh-TW', '王大明')) assert.doesNotMatch(mail, /[a-z]/i);
  });
});
