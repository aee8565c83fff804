import { validateIdCardNumber } from 'taiwan-id-validator';

/** The last day of resident certificates with two letters (National Immigration Agency). */
const OLD_CERTIFICATE_LAST_DAY = '2030-12-31';

/** As people type it → as it is compared: NFKC, no spaces, capital letters. Only ASCII letters change case. */
export function normalizeNationalId(input: string): string {
  return input
    .normalize('NFKC')
    .replace(/[\s\p{Cf}]/gu, '')
    .replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Whether a normalized id is a citizen's number or a resident certificate's with a right checksum. The old form of the
 * certificate (two letters) ends with 2030.
 *
 * @param today `YYYY-MM-DD` in the city
 */
export function isNationalId(id: string, today: string): boolean {
  const result = validateIdCardNumber(id);
  return result.valid && (result.category !== 'UI_NUMBER_LEGACY' || today <= OLD_CERTIFICATE_LAST_DAY);
}

/** The last six characters, the first password of a parent. */
export function lastSix(id: string): string {
  return id.slice(-6);
}
