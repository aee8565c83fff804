/**
 * The answers of a family about the binding of its child. `bound`: the student has a guardian, also a suspended one. `waiting` and
 * `returned` are states of an application. `refused`: the newest answer to the notice is a refusal. `none`: also a draft, and an application
 * that was rejected or withdrawn.
 */
export const FAMILY_ANSWERS = ['bound', 'waiting', 'returned', 'refused', 'none'] as const;
export type FamilyAnswer = (typeof FAMILY_ANSWERS)[number];

/** The number of students by answer. */
export type AnswerCounts = Readonly<Record<FamilyAnswer, number>>;

export const NO_ANSWERS: AnswerCounts = { bound: 0, waiting: 0, returned: 0, refused: 0, none: 0 };

/** Adds the counts of several classes, schools or districts. */
export function addCounts(counts: readonly AnswerCounts[]): AnswerCounts {
  return counts.reduce(
    (sum, one) => ({
      bound: sum.bound + one.bound,
      waiting: sum.waiting + one.waiting,
      returned: sum.returned + one.returned,
      refused: sum.refused + one.refused,
      none: sum.none + one.none,
    }),
    NO_ANSWERS,
  );
}

/** Returns the number of students. */
export function totalOf(counts: AnswerCounts): number {
  return FAMILY_ANSWERS.reduce((sum, answer) => sum + counts[answer], 0);
}
