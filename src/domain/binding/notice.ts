/** Answers to the personal-data notice: 本人同意, 不同意, 無意參加. A refusal is a valid answer (source text, step 6). */
export const NOTICE_ANSWERS = ['agree', 'disagree', 'decline'] as const;
export type NoticeAnswer = (typeof NOTICE_ANSWERS)[number];

/** Returns true if the answer ends the application with a receipt. It can be changed later. */
export function isRefusal(answer: NoticeAnswer): boolean {
  return answer !== 'agree';
}
