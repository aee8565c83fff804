import { isAccountName } from './identifiers.ts';

/** Longest stem of a suggested name; the digits follow it. */
const MAX_STEM_LENGTH = 60;
/** Each suggestion has two or three digits. */
const SUGGESTED_NUMBERS = { from: 10, count: 990 };

/**
 * Returns names to offer instead of one that is taken: the same name with other digits at its end.
 *
 * @param bytes random, two for each suggestion
 */
export function suggestAccountNames(taken: string, bytes: Buffer): string[] {
  const stem = taken.replace(/\d+$/, '').slice(0, MAX_STEM_LENGTH);
  const names = Array.from({ length: Math.floor(bytes.length / 2) }, (_, at) => {
    const number = SUGGESTED_NUMBERS.from + (bytes.readUInt16BE(at * 2) % SUGGESTED_NUMBERS.count);
    return `${stem}${String(number)}`;
  });
  return [...new Set(names)].filter((name) => name !== taken && isAccountName(name));
}
