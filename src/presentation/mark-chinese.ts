/** Chinese text, with digits and punctuation inside it. */
const CHINESE = /\p{Script=Han}(?:[\p{Script=Han}\p{N}、，。：；？！「」（）・]*[\p{Script=Han}。？！」）])?/gu;
const TAG_OR_TEXT = /<!--[\s\S]*?-->|<[^>]*>|[^<]+/g;
/** Elements that hold text only. */
const TEXT_ONLY = /^<\/?(title|textarea|option|script|style|svg)\b/;

/**
 * Marks the Chinese text of an HTML page in another language, so that screen readers pronounce names and fonts show their forms (WCAG 2.2,
 * 3.1.2). Text directly inside an element with its own `lang` stays as it is.
 */
export function markChinese(html: string): string {
  let skipped: string | undefined;
  let isMarked = false;
  return html.replace(TAG_OR_TEXT, (part) => {
    if (part.startsWith('<')) {
      const name = TEXT_ONLY.exec(part)?.[1];
      if (skipped === undefined && name !== undefined) skipped = name;
      else if (part.startsWith(`</${skipped ?? ' '}`)) skipped = undefined;
      isMarked = part.includes(' lang="');
      return part;
    }
    return skipped !== undefined || isMarked ? part : part.replace(CHINESE, '<span lang="zh-Hant-TW">$&</span>');
  });
}
