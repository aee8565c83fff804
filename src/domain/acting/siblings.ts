import { gradeFromElementary } from '../class-name.ts';
import type { Child } from '../model.ts';
import { schoolYearInCommonEra } from '../term.ts';
import { compareText } from '../text.ts';

/** Pupils of the first grade become seven between September of the first semester and August. */
const AGE_IN_FIRST_GRADE = 6;

/** Returns children by age, the oldest first. The grade stands for an unknown birth date; children without both come last. */
export function sortOldestFirst(children: readonly Child[]): Child[] {
  // Reading a birth date decrypts it.
  if (children.length < 2) return [...children];
  const keyed = children.map((child) => ({ child, born: child.birthDate ?? estimatedBirthDate(child) }));
  return keyed
    .sort(
      (a, b) =>
        compareText(a.born, b.born) || compareText(a.child.guardianship.studentId, b.child.guardianship.studentId),
    )
    .map(({ child }) => child);
}

/** Estimates the birth date by the newest enrollment: the middle of the school cohort. */
function estimatedBirthDate({ enrollments }: Pick<Child, 'enrollments'>): string {
  const [newest] = [...enrollments].sort((a, b) => b.year - a.year || b.semester - a.semester);
  if (newest === undefined) return '9999';
  const { year, grade, school } = newest;
  const bornIn = schoolYearInCommonEra(year).from - AGE_IN_FIRST_GRADE - (gradeFromElementary(school.type, grade) - 1);
  return `${String(bornIn)}-03-01`;
}
