/** The language that words are written in first, and the one to fall back to. */
export const DEFAULT_LANGUAGE = 'zh-TW';

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
export function stripSeparators(text: string): string {
  return text.replace(/[\s._,:;/()\p{Pd}\p{Cf}・·]/gu, '');
}

/**
 * Emoji with the invisible characters that belong to them (UTS #51, 1.4): keycaps, tag sequences of flags, and pictographs with variation
 * selectors and joiners. A pictograph may be unassigned: Unicode reserves code points for the emoji of later versions.
 */
const EMOJI =
  // Stryker disable next-line Regex: a negated property of strings is a syntax error
  /[0-9#*]\uFE0F\u20E3|\p{RGI_Emoji_Tag_Sequence}|\p{ExtPict}[\uFE0E\uFE0F]?\p{EMod}?(?:\u200D\p{ExtPict}[\uFE0E\uFE0F]?\p{EMod}?)*/gv;

/**
 * Control and format characters, bidirectional controls, surrogates, private use and unassigned code points; line and paragraph separators;
 * everything that is rendered as nothing.
 */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Returns true if a text contains a character that cannot be seen or typed, except inside an emoji. */
export function hasInvisibleCharacters(text: string): boolean {
  return INVISIBLE.test(text.replace(EMOJI, ''));
}
