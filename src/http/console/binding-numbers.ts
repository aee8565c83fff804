import { addCounts, FAMILY_ANSWERS, totalOf, type AnswerCounts } from '../../domain/binding/answers.ts';
import { partsBar } from '../../presentation/charts.ts';
import type { AnswerNumbers } from '../../presentation/page-locals/answers.ts';
import type { SchoolAnswers } from '../../services/console/binding-overviews.ts';

/** Describes counts for a page. */
export function numbersOf(counts: AnswerCounts): AnswerNumbers {
  const total = totalOf(counts);
  return {
    counts,
    total,
    share: total === 0 ? 0 : Math.round((counts.bound / total) * 100),
    bar: partsBar(FAMILY_ANSWERS.map((answer) => counts[answer])),
  };
}

/** Adds up the counts of schools by district, in the order of the names. The district is empty for schools without one. */
export function countsByDistrict(schools: readonly SchoolAnswers[]): { district: string; counts: AnswerCounts }[] {
  const groups = Map.groupBy(schools, ({ district }) => district);
  return [...groups]
    .map(([district, members]) => ({ district, counts: addCounts(members.map(({ counts }) => counts)) }))
    .sort((a, b) => (a.district < b.district ? -1 : 1));
}
