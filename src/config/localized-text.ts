import { z } from 'zod';
import { DEFAULT_LANGUAGE } from '../domain/text.ts';

const LANGUAGE_TAG = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
const text = z.string().min(1);

/** A text per language. The default language is required. */
export const textByLanguage = z
  .object({ [DEFAULT_LANGUAGE]: text })
  .catchall(text)
  .superRefine((texts, context) => {
    for (const lang of Object.keys(texts).filter((key) => !LANGUAGE_TAG.test(key))) {
      context.addIssue({
        code: 'custom',
        path: [lang],
        message: 'must be a language tag such as en or zh-TW (BCP 47)',
      });
    }
  });

/** Interface text: one for all languages, or one per language. */
export const localizedText = z.union([text, textByLanguage]);

export type LocalizedText = z.infer<typeof localizedText>;

/** Returns the text in a language, or in the default language if there is none. */
export function localize(localized: LocalizedText, lang: string): string {
  return typeof localized === 'string' ? localized : (localized[lang] ?? localized[DEFAULT_LANGUAGE]);
}
