import { DEFAULT_LANGUAGE } from '../domain/text.ts';

/** Chinese text, with digits and punctuation inside it. */
const CHINESE = /\p{Script=Han}(?:[\p{Script=Han}\p{N}、，。：；？！「」（）・]*[\p{Script=Han}。？！」）])?/u;
/** Elements that hold text only. */
const TEXT_ONLY = /<(title|textarea|option|script|style|svg)\b[^<>]*>[\s\S]*?<\/\1>/u;
const WITH_LANG = /<[^<>]* lang="[^<>]*>[^<]*/u;
/** Tags exclude `<`, so the time grows linearly with the length. */
const PARTS = new RegExp([TEXT_ONLY, WITH_LANG, /<[^<>]*>/, CHINESE].map(({ source }) => source).join('|'), 'gu');

/**
 * Marks the Chinese text of an HTML page in another language, so that screen readers pronounce names and fonts show their forms (WCAG 2.2,
 * 3.1.2). Text directly inside an element with its own `lang` stays as it is.
 */
export function markChinese(html: string): string {
  return html.replace(PARTS, (part) =>
    part.startsWith('<') ? part : `<span lang="${DEFAULT_LANGUAGE}">${part}</span>`,
  );
}
