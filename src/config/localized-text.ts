import { z } from 'zod';
import { ORIGINAL_LANGUAGE } from '../domain/text.ts';

const TAG = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
const text = z.string().min(1);

/** A text for each language; the original must be there. */
export const eachLanguage = z
  .object({ [ORIGINAL_LANGUAGE]: text })
  .catchall(text)
  .superRefine((texts, context) => {
    for (const lang of Object.keys(texts).filter((key) => !TAG.test(key))) {
      context.addIssue({ code: 'custom', path: [lang], message: 'not a language tag, as en or zh-TW (BCP 47)' });
    }
  });

/** What people read: one text for all, or one for each language. */
export const words = z.union([text, eachLanguage]);

export type Words = z.infer<typeof words>;

/** A language that has no text of its own is given the original. */
export function inLanguage(words: Words, lang: string): string {
  return typeof words === 'string' ? words : (words[lang] ?? words[ORIGINAL_LANGUAGE]);
}
