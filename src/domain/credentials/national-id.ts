import { validateIdCardNumber } from 'taiwan-id-validator';

/** The last day on which resident certificates with two letters are valid (National Immigration Agency). */
const OLD_CERTIFICATE_LAST_DAY = '2030-12-31';

/** Normalizes an ID number for comparison: NFKC, no spaces, capital letters. Only ASCII letters change case. */
export function normalizeNationalId(input: string): string {
  return input
    .normalize('NFKC')
    .replace(/[\s\p{Cf}]/gu, '')
    .replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Returns true if a normalized id is the number of a citizen or resident certificate with a valid checksum. The old form of the
 * certificate (two letters) is valid until the end of 2030.
 *
 * @param today `YYYY-MM-DD` in the city
 */
export function isNationalId(id: string, today: string): boolean {
  const result = validateIdCardNumber(id);
  return result.valid && (result.category !== 'UI_NUMBER_LEGACY' || today <= OLD_CERTIFICATE_LAST_DAY);
}

/** In characters: the end of the ID that is the first password of a parent. */
export const FIRST_PASSWORD_LENGTH = 6;

/** Returns the last six characters, the first password of a parent. */
export function lastSix(id: string): string {
  return id.slice(-FIRST_PASSWORD_LENGTH);
}
