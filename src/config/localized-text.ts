import { z } from 'zod';
import { DEFAULT_LANGUAGE } from '../domain/text.ts';

const LANGUAGE_TAG = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
const text = z.string().min(1);

/** A text for each language; the original must be there. */
export const textByLanguage = z
  .object({ [DEFAULT_LANGUAGE]: text })
  .catchall(text)
  .superRefine((texts, context) => {
    for (const lang of Object.keys(texts).filter((key) => !LANGUAGE_TAG.test(key))) {
      context.addIssue({ code: 'custom', path: [lang], message: 'not a language tag, as en or zh-TW (BCP 47)' });
    }
  });

/** What people read: one text for all, or one for each language. */
export const localizedText = z.union([text, textByLanguage]);

export type LocalizedText = z.infer<typeof localizedText>;

/** A language that has no text of its own is given the original. */
export function localize(words: LocalizedText, lang: string): string {
  return typeof words === 'string' ? words : (words[lang] ?? words[DEFAULT_LANGUAGE]);
}
