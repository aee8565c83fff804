import { normalizeText } from '../credentials/identifiers.ts';
import type { School } from '../model.ts';

/** A school as families find it. */
export type ListedSchool = School & { district: string };

const searchable = (text: string): string => normalizeText(text).toLowerCase().replace(/\s/g, '');

/**
 * Finds the schools that a typed text means: the one with this code or name, otherwise all whose name or district contains it.
 *
 * @param typed a code, a name in either language, a part of one, or a district
 */
export function matchSchools(schools: readonly ListedSchool[], typed: string): readonly ListedSchool[] {
  const text = searchable(typed);
  if (text === '') return [];
  const exact = schools.filter(({ code, name, nameEn }) =>
    [code, name, nameEn].some((one) => searchable(one) === text),
  );
  if (exact.length > 0) return exact;
  return schools.filter(({ name, nameEn, district }) => searchable(`${district} ${name} ${nameEn}`).includes(text));
}
