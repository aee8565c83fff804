/** A term of the Taiwanese school year: `115-1` is the year 115 of the Republic of China, first semester. */
export interface Term {
  year: number;
  semester: number;
}

/** Year before the first of the Republic of China calendar, in which schools count academic years. */
const ROC_EPOCH = 1911;

/**
 * Returns the term of a day. The first semester lasts from 1 August to 31 January, the second from 1 February to 31 July.
 *
 * @param today as `2026-11-23`
 */
export function currentTerm(today: string): Term {
  const [year = 0, month = 0] = today.split('-').map(Number);
  if (month >= 8) return { year: year - ROC_EPOCH, semester: 1 };
  return { year: year - ROC_EPOCH - 1, semester: month === 1 ? 1 : 2 };
}

/** Returns the years of the Common Era in which a school year begins and ends: 115 is 2026 to 2027. */
export function schoolYearInCommonEra(year: number): { from: number; to: number } {
  return { from: year + ROC_EPOCH, to: year + ROC_EPOCH + 1 };
}

export function isSameTerm(a: Term, b: Term): boolean {
  return a.year === b.year && a.semester === b.semester;
}

export function isTermBefore(a: Term, b: Term): boolean {
  return a.year < b.year || (a.year === b.year && a.semester < b.semester);
}
