/** The age of majority (Civil Code of Taiwan, Article 12). */
const ADULT_AGE = 18;

/**
 * Returns the 18th birthday of a birth date, both `YYYY-MM-DD`. For 29 February it is 1 March, because 18 years after a leap year is none.
 */
export function adultOn(birthDate: string): string {
  const [year = '', month = '', day = ''] = birthDate.split('-');
  const date = `${month}-${day}`;
  return `${String(Number(year) + ADULT_AGE)}-${date === '02-29' ? '03-01' : date}`;
}

/** Returns true if a person with this birth date is an adult on a day. */
export function isAdultOn(birthDate: string, today: string): boolean {
  return adultOn(birthDate) <= today;
}

/** Days before the 18th birthday on which the student and the guardians get a mail. */
export const ADULT_NOTICE_DAYS = 30;
