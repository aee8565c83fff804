/**
 * Returns a text as `caseIgnoreMatch` compares it (RFC 4518, section 2): NFKC, without case, with one space between words. `İ` and `ı` are not
 * `i`.
 */
export function foldText(text: string): string {
  return foldPart(text).trim();
}

/** As `foldText`, for a part of a text: spaces at its ends remain. */
export function foldPart(text: string): string {
  // The lower case of Σ depends on the letters around it, so a part could have another one than the whole.
  return text.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').replaceAll(/\s+/g, ' ');
}
