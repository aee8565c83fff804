/** The language that words are written in first, and the one to fall back to. */
export const ORIGINAL_LANGUAGE = 'zh-TW';

/** The characters of a text as people count them in a rule: Unicode code points. */
export function codePoints(text: string): string[] {
  return Array.from(text);
}

/**
 * A text in which look-alikes are equal: NFKC, lower case, Latin letters without accents (`Nguyễn` → `nguyen`, `đ` → `d`).
 * For finding words in other words only, never for storing.
 */
export function foldForComparison(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/(?<=[a-z]\p{M}*)\p{M}/gu, '')
    .normalize('NFC')
    .replaceAll('đ', 'd');
}

/** Without spaces and the marks that people put between parts: `daming.wang` and `Da Ming-Wang` become the same. */
export function squeeze(text: string): string {
  return text.replace(/[\s._,:;/()\p{Pd}\p{Cf}・·]/gu, '');
}
