/** The original language of the interface, and the fallback of all others. */
export const DEFAULT_LANGUAGE = 'zh-TW';
/** The other language that every name has. */
export const SECOND_LANGUAGE = 'en';

/** Splits a text into Unicode code points, the unit of all length rules. */
export function codePoints(text: string): string[] {
  return Array.from(text);
}

/**
 * Folds a text for substring searches: NFKC, lower case, Latin letters without accents (`Nguyễn` → `nguyen`, `đ` → `d`). Only `searchableName`
 * is stored.
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

/** Removes spaces and separators: `daming.wang` and `da ming-wang` become the same. */
export function stripSeparators(text: string): string {
  return text.replace(/[\s._,:;/()\p{Pd}\p{Cf}・·]/gu, '');
}

/** Returns a name as searches compare it: without case, accents and separators. The database stores it next to the name. */
export function searchableName(name: string): string {
  return stripSeparators(foldForComparison(name));
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
 * all characters without a visible glyph.
 */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Returns true if a text contains a character that cannot be seen or typed, except inside an emoji. */
export function hasInvisibleCharacters(text: string): boolean {
  return INVISIBLE.test(text.replace(EMOJI, ''));
}

/** Compares texts by code unit, the same on every machine: days `YYYY-MM-DD` in the order of time. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
